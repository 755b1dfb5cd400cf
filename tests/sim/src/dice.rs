/// A source of chance: one seed, one run (splitmix64, Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Dice that fall as this seed says.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Other dice, for something whose number of throws must not change these.
    pub(crate) const fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// Any number.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n - 1`.
    #[expect(clippy::cast_possible_truncation, reason = "chance stays chance")]
    pub(crate) const fn below(&mut self, n: usize) -> usize {
        self.next() as usize % n
    }

    /// True in so many of 100 cases.
    pub(crate) const fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}
