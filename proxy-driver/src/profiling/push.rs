use std::time::Duration;

use proxy_config::Profiling;
use proxy_profile::{Pusher, Target};

/// Pushes profiles for as long as the configuration names a server.
pub(crate) struct Pushing {
    /// Its name.
    binary: &'static str,
    current: Option<(Profiling, Pusher)>,
}

impl Pushing {
    pub(crate) fn start(binary: &'static str, profiling: Option<&Profiling>) -> Self {
        let mut pushing = Self { binary, current: None };
        pushing.follow(profiling);
        pushing
    }

    /// Starts, stops or changes to what is configured now.
    pub(crate) fn follow(&mut self, profiling: Option<&Profiling>) {
        if self.current.as_ref().map(|(former, _)| former) == profiling {
            return;
        }
        // What it still has it sends on its own.
        self.stop(Duration::ZERO);
        let Some(profiling) = profiling else { return };
        let Profiling { server, application, sample_rate } = profiling;
        match Pusher::start(target(profiling, self.binary)) {
            Ok(pusher) => {
                tracing::info!(
                    target: "proxy.profiling",
                    "Pushing CPU profiles to {server} (application={application}, {sample_rate} Hz)"
                );
                self.current = Some((profiling.clone(), pusher));
            }
            Err(error) => {
                tracing::error!(target: "proxy.profiling", "Cannot push CPU profiles: {error}");
            }
        }
    }

    /// Ends it. What there is is pushed, which is not waited for longer than `patience`.
    pub(crate) fn stop(&mut self, patience: Duration) {
        if let Some((Profiling { server, .. }, pusher)) = self.current.take() {
            pusher.stop(patience);
            tracing::info!(target: "proxy.profiling", "No longer pushing CPU profiles to {server}");
        }
    }
}

fn target(profiling: &Profiling, binary: &str) -> Target {
    let tags = [("binary", binary), ("version", env!("CARGO_PKG_VERSION"))];
    Target {
        server: profiling.server.secret().to_owned(),
        application: profiling.application.clone(),
        sample_rate: profiling.sample_rate,
        tags: tags.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}
