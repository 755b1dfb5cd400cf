use std::collections::VecDeque;

use proxy_config::Config;

use super::*;
use crate::service::metrics;
use crate::virtual_runtime::{Virtual, VirtualListener, pair, spawned};

#[test]
fn a_burst_of_connections_is_shared_out_before_the_first_one_is_served() {
    let metrics = metrics::<Virtual>(2, std::time::SystemTime::UNIX_EPOCH);
    let proxy = Proxy::new(&Config::default(), metrics, vec![Virtual, Virtual]);
    let (near, clients): (VecDeque<_>, Vec<_>) = (0..10).map(|_| pair()).unzip();
    let listener = VirtualListener(near);
    let stop = Arc::default();
    let mut acceptor = Acceptor::new(listener, Port::Clients, Arc::clone(&proxy), 0, stop);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut acceptor).poll(&mut cx).is_pending());
    let mut sessions = spawned();
    for session in &mut sessions {
        assert!(session.as_mut().poll(&mut cx).is_pending());
    }
    let loads = || proxy.workers.iter().map(|worker| worker.load.load(Relaxed)).collect::<Vec<_>>();
    assert_eq!(loads(), [5, 5]);
    drop(clients);
    for session in &mut sessions {
        assert!(session.as_mut().poll(&mut cx).is_ready());
    }
    drop(sessions);
    assert_eq!(loads(), [0, 0]);
}
