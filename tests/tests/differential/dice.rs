/// The source of every choice in a script: the same seed, the same choices, on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of `0..bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    /// From `least` to `most`, both included.
    pub(crate) fn within(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    /// True this many times in a hundred.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// So many letters.
    pub(crate) fn text(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(self.pick(b"abcdefghijklmnopqrstuvwxyz"))).collect()
    }

    /// Cuts a text at random places: into one piece, a few, or single bytes.
    pub(crate) fn cuts(&mut self, text: &str) -> Vec<String> {
        let mut places: Vec<usize> = match self.below(10) {
            0..3 => Vec::new(),
            9 if text.len() < 200 => (1..text.len()).collect(),
            _ => (0..self.within(1, 4)).map(|_| self.below(text.len())).collect(),
        };
        places.extend([0, text.len()]);
        places.sort_unstable();
        places.dedup();
        places.windows(2).map(|ends| text[ends[0]..ends[1]].to_owned()).collect()
    }

    /// `SplitMix64` (Steele, Lea and Flood, 2014): each seed is as good as another.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}
