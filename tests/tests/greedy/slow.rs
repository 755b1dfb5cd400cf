//! What others notice of five thousand slow clients.

use std::time::Duration;

use proxy_tests::{Client, Config, Echo, Stopwatch, eventually, proxy_test};

use crate::alone;
use crate::crowd::Crowd;

proxy_test!(five_thousand_slow_clients_disturb_nobody, |binary| {
    let _turn = alone();
    let echo = Echo::starts();
    let config = Config::of([echo.addr()])
        .with("limits: { max_client_conns: 10000, max_conns_per_upstream: 10000 }")
        .with(format!("timeouts: {{ {PATIENT} }}"));
    let (calm, besieged) = (binary.starts(&config), binary.starts(&config));
    let crowd = Crowd::gathers(besieged.addr(), CROWD);
    eventually("all are connected", || besieged.open_sockets() >= CROWD + CROWD / 2);

    // Both in turn, so that what else this machine is busy with meets both.
    let mut clients = [calm.client(), besieged.client()];
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (client, times) in clients.iter_mut().zip(&mut times) {
            times.push(request(client));
        }
    }
    let [alone, among_them] = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS * 99 / 100]
    });
    assert!(among_them <= alone * 2 + GRAIN, "p99 {among_them:?}, without them {alone:?}");
    assert_eq!(crowd.disperses(), CROWD, "nobody was cut off");
});

fn request(client: &mut Client) -> Duration {
    let watch = Stopwatch::start();
    assert_eq!(client.gets("/bytes/1024").status(), 200);
    watch.elapsed()
}

const CROWD: usize = 5000;
const ROUNDS: usize = 1000;
/// A turn of the system's scheduler on a busy machine.
const GRAIN: Duration = Duration::from_millis(4);
/// Nobody is cut off for being slow: that would be an easier life.
const PATIENT: &str = "client_head_ms: 600000, client_idle_ms: 600000, client_body_ms: 600000, \
                       client_send_ms: 600000, connect_ms: 60000, read_ms: 600000, \
                       write_ms: 600000, total_ms: 0";
