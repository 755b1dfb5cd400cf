//! Time per operation of the core's parts, each through the public interface. Where an operation
//! cannot be repeated in place, it is given many conversations that stand before it.

mod conversation;
mod messages;

use divan::{Bencher, black_box};

use self::conversation::{Conversation, Script};
use self::messages::{bulk, chunked, chunks_of, forty_fields, minimal, post, usual};

fn main() {
    divan::main();
}

/// A head is received, checked, classified, framed and rendered; an upstream is asked for.
#[divan::bench(args = ["minimal", "usual", "post", "forty_fields"])]
fn request_head(bencher: Bencher<'_, '_>, name: &str) {
    let script = named(name);
    bencher
        .with_inputs(|| Conversation::after(&script))
        .bench_local_refs(|conversation| conversation.asks(black_box(&script)));
}

/// The request goes out; the head of its response is received, checked, framed and rendered, and
/// goes out with a body of 1 KiB.
#[divan::bench(args = ["usual", "chunked"])]
fn response(bencher: Bencher<'_, '_>, name: &str) {
    let script = named(name);
    bencher
        .with_inputs(|| {
            let mut conversation = Conversation::after(&script);
            conversation.asks(&script);
            conversation
        })
        .bench_local_refs(|conversation| conversation.forwards(black_box(&script)));
}

/// 8 KiB in chunks of this size are received and go out, between the rest of the request's work:
/// the differences are those of the walk over the chunks.
#[divan::bench(args = [16, 64, 256, 1024, 8192])]
fn chunks(bencher: Bencher<'_, '_>, size: usize) {
    let script = chunks_of(size, 8192 / size);
    let mut conversation = Conversation::after(&script);
    bencher.bench_local(|| conversation.plays(black_box(&script)));
}

/// A whole request, from idle to idle.
#[divan::bench(args = ["minimal", "usual", "chunked", "post", "forty_fields", "bulk"])]
fn whole(bencher: Bencher<'_, '_>, name: &str) {
    let script = named(name);
    let mut conversation = Conversation::after(&script);
    bencher.bench_local(|| conversation.plays(black_box(&script)));
}

fn named(name: &str) -> Script {
    match name {
        "minimal" => minimal(),
        "usual" => usual(),
        "chunked" => chunked(),
        "post" => post(),
        "forty_fields" => forty_fields(),
        "bulk" => bulk(),
        _ => unreachable!("no script is called {name}"),
    }
}
