//! What a profile says, read by its published formats alone: `profile.proto` of pprof, and Pyroscope's
//! `push.v1`.

use std::collections::HashMap;
use std::io::Read;

use flate2::read::GzDecoder;
use prost::Message as _;

use crate::Message;

/// A CPU profile.
#[derive(Clone, Debug)]
pub struct Profile(Pprof);

/// A profile as it is pushed to a server: with the labels that all of its samples have.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// By their names.
    pub labels: HashMap<String, String>,
    /// What was pushed.
    pub profile: Profile,
}

impl Profile {
    /// Reads a pprof file.
    #[track_caller]
    pub fn read(file: &[u8]) -> Self {
        Self(Pprof::decode(&*gunzip(file)).expect("a profile"))
    }

    /// CPU nanoseconds by the label `component`, which each sample must have.
    #[track_caller]
    pub fn components(&self) -> HashMap<&str, i64> {
        let mut found = HashMap::new();
        for sample in &self.0.sample {
            let is_component = |label: &&Label| self.text(label.key) == "component";
            let label = sample.label.iter().find(is_component).expect("a component");
            *found.entry(self.text(label.text)).or_default() += sample.value[0];
        }
        found
    }

    /// The names of all functions in it.
    pub fn functions(&self) -> Vec<&str> {
        self.0.function.iter().map(|function| self.text(function.name)).collect()
    }

    /// What a value counts, and its unit.
    #[track_caller]
    pub fn counts(&self) -> (&str, &str) {
        let [kind] = &*self.0.sample_type else { panic!("{:?}", self.0.sample_type) };
        (self.text(kind.kind), self.text(kind.unit))
    }

    fn text(&self, index: i64) -> &str {
        &self.0.string_table[usize::try_from(index).expect("an index")]
    }
}

impl Pushed {
    /// Reads the request of a push.
    #[track_caller]
    pub fn read(request: &Message) -> Self {
        assert_eq!(request.header("content-encoding"), Some("gzip"));
        let push = PushRequest::decode(&*gunzip(&request.body)).expect("a push");
        let [series] = <[Series; 1]>::try_from(push.series).expect("one series");
        let [sample] = <[RawSample; 1]>::try_from(series.samples).expect("one profile");
        Self {
            labels: series.labels.into_iter().map(|pair| (pair.name, pair.value)).collect(),
            profile: Profile(Pprof::decode(&*sample.raw_profile).expect("a profile")),
        }
    }
}

#[track_caller]
fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

#[derive(Clone, PartialEq, prost::Message)]
struct Pprof {
    #[prost(message, repeated, tag = "1")]
    sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(message, repeated, tag = "5")]
    function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ValueType {
    #[prost(int64, tag = "1")]
    kind: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Sample {
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
    #[prost(message, repeated, tag = "3")]
    label: Vec<Label>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Label {
    #[prost(int64, tag = "1")]
    key: i64,
    #[prost(int64, tag = "2")]
    text: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Function {
    #[prost(int64, tag = "2")]
    name: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<LabelPair>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<RawSample>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LabelPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RawSample {
    #[prost(bytes = "vec", tag = "1")]
    raw_profile: Vec<u8>,
}
