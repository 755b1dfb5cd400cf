/// The two parties of an exchange. Every rule that holds for both is written once, over this type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub enum Peer {
    /// Who asks.
    Client,
    /// Who answers: an upstream server, or the driver itself for a local reply.
    Upstream,
}

impl Peer {
    /// Both peers, in the order in which a driver serves them.
    pub const BOTH: [Self; 2] = [Self::Client, Self::Upstream];

    /// The party at the other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Upstream,
            Self::Upstream => Self::Client,
        }
    }
}
