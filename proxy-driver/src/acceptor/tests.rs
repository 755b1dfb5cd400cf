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

#[test]
fn a_listener_that_is_to_close_closes_at_once_and_who_came_is_served() {
    let mut config = Config::default();
    config.limits.max_client_conns = 1;
    let metrics = metrics::<Virtual>(1, std::time::SystemTime::UNIX_EPOCH);
    let proxy = Proxy::new(&config, metrics, vec![Virtual]);
    let (near, mut clients): (VecDeque<_>, VecDeque<_>) = (0..4).map(|_| pair()).unzip();
    let stop = Arc::<Stop>::default();
    let listener = VirtualListener(near);
    let mut acceptor = Acceptor::new(listener, Port::Clients, proxy, 0, Arc::clone(&stop));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut acceptor).poll(&mut cx).is_pending());
    stop.stop();
    assert!(Pin::new(&mut acceptor).poll(&mut cx).is_pending());
    assert!(acceptor.listener.is_none(), "others are refused, and go elsewhere");
    assert_eq!(acceptor.proxy.waiting_clients.load(Relaxed), 3);
    while let Some(client) = clients.pop_front() {
        let mut sessions = spawned();
        assert_eq!(sessions.len(), 1, "one has the place");
        drop(client);
        assert!(sessions[0].as_mut().poll(&mut cx).is_ready());
        drop(sessions);
        let over = Pin::new(&mut acceptor).poll(&mut cx);
        assert_eq!(over.is_ready(), clients.len() <= 1);
    }
}
