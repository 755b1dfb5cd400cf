use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::ExitCode;

use proxy_config::{Config, Listen, Overrides, Source};

use crate::echo;
use crate::reload::Process;
use crate::run::{fail, serve};
use crate::runtime::Runtime;
use crate::signals::Early;

/// A first look: two embedded echo upstreams and the proxy in front of them.
pub(crate) fn run<R: Runtime>() -> ExitCode {
    match prepare() {
        Ok((config, early)) => {
            serve::<R>(config, early, &Source::Environment, &Overrides::default(), announce)
        }
        Err(error) => fail::<R>(&*error),
    }
}

/// The defaults, with echo upstreams on free ports, and free ports for the proxy where its usual
/// ones are taken.
fn prepare() -> Result<(Config, Early), Box<dyn std::error::Error>> {
    let early = Early::install()?;
    let mut config = Config::default();
    config.upstreams.clear();
    for _ in 0..2 {
        config.upstreams.push(echo::start()?.to_string().parse()?);
    }
    for listen in [&mut config.listen, &mut config.metrics_listen] {
        if TcpListener::bind((Ipv4Addr::LOCALHOST, listen.port)).is_err() {
            *listen = Listen::from_parts("127.0.0.1", "0")?;
        }
    }
    Ok((config, early))
}

fn announce<R: Runtime>(process: &Process<R>) {
    let at = |address: Option<SocketAddr>| address.map_or_else(String::new, |at| at.to_string());
    let (proxy, metrics) = (at(process.address()), at(process.metrics_address()));
    let config = process.service.config();
    let upstreams: Vec<_> = config.upstreams.iter().map(ToString::to_string).collect();
    let taken = if config.listen == Config::default().listen {
        ""
    } else {
        "\n127.0.0.1:8080 is taken, so this is a free port."
    };
    let _closed = write!(
        std::io::stdout().lock(),
        "
{name} serves http://{proxy}/ from two echo upstreams, {upstreams}.{taken}

Try, in another terminal:

    curl -i http://{proxy}/
    curl -i -X POST http://{proxy}/echo -d 'hello world'
    curl http://{metrics}/metrics

Each request shows below as it passes. Ctrl-C ends the demonstration.

",
        name = R::NAME,
        upstreams = upstreams.join(" and "),
    );
}
