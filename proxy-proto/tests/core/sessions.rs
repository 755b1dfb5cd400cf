//! The exchange as a state machine: any events that a driver may bring about, in any order, shrunk
//! to the few that matter when one of them breaks an invariant. The invariants, and the world that
//! holds them against the exchange, are those of the fuzz target: `proxy_oracle::session`.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use proxy_oracle::session::{Answer, Event, Piece, World};
use proxy_proto::{Attempt, Cause, Fault, Peer, Reply, Uuid};

/// Any event may come at any time; what it does then is the world's to know.
struct Anything;

impl ReferenceStateMachine for Anything {
    type State = ();
    type Transition = Event;

    fn init_state() -> BoxedStrategy<()> {
        Just(()).boxed()
    }

    fn transitions(_state: &()) -> BoxedStrategy<Event> {
        prop_oneof![
            8 => (peer(), piece()).prop_map(|(peer, piece)| Event::Sends(peer, piece)),
            4 => (peer(), amount()).prop_map(|(peer, most)| Event::Receives(peer, most)),
            4 => (peer(), amount()).prop_map(|(peer, most)| Event::Accepts(peer, most)),
            1 => peer().prop_map(Event::Closes),
            1 => peer().prop_map(Event::Breaks),
            1 => peer().prop_map(Event::Refuses),
            6 => answer().prop_map(Event::Answers),
            2 => reply().prop_map(Event::Says),
            3 => (0..4000_u16).prop_map(Event::Passes),
            4 => Just(Event::Runs),
            1 => Just(Event::Drains),
            1 => Just(Event::Cuts),
            1 => any::<u8>().prop_map(Event::Configures),
        ]
        .boxed()
    }

    fn apply((): (), _event: &Event) {}
}

fn peer() -> impl Strategy<Value = Peer> {
    prop_oneof![Just(Peer::Client), Just(Peer::Upstream)]
}

fn amount() -> impl Strategy<Value = u16> {
    prop_oneof![Just(1), 1..64_u16, Just(u16::MAX)]
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        12 => any::<u8>().prop_map(Piece::Known),
        2 => any::<u16>().prop_map(Piece::Filler),
        1 => vec(any::<u8>(), 0..16).prop_map(Piece::Raw),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::Well),
        3 => Just(Answer::Reused),
        1 => Just(Answer::Dialing),
        1 => (0..3000_u16).prop_map(Answer::Local),
        1 => Just(Answer::Badly),
    ]
}

/// The first attempt is often an older one by then.
fn reply() -> impl Strategy<Value = Reply> {
    let attempt = Attempt::default();
    let fault = Fault::new(Cause::ConnectTimeout, "no way there");
    prop_oneof![
        Just(Reply::Routed),
        Just(Reply::Refused(fault)),
        Just(Reply::Dialing(attempt)),
        any::<bool>().prop_map(move |reused| Reply::Connected { attempt, reused }),
        Just(Reply::Failed { attempt, fault }),
        Just(Reply::Next(Uuid::nil())),
    ]
}

struct Test;

impl StateMachineTest for Test {
    type SystemUnderTest = World;
    type Reference = Anything;

    fn init_test((): &()) -> World {
        World::new()
    }

    fn apply(mut world: World, (): &(), event: Event) -> World {
        world.apply(&event);
        world
    }

    fn teardown(mut world: World, (): ()) {
        world.ends();
    }
}

prop_state_machine! {
    // The same cases each time: a test that fails is the fault of what was changed.
    #![proptest_config(ProptestConfig {
        cases: 1000,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_exchange_keeps_its_law(sequential 1..60 => Test);
}
