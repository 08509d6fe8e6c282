//! A table that is searched from the place that a hash gives. Nothing depends on its order.

/// Places of the first table; a power of two, as all later sizes are.
const PLACES_MIN: usize = 1024;

/// Values by their hashes; at most three in four places are taken.
#[derive(Debug)]
pub(super) struct Places<V> {
    places: Vec<Option<(u64, V)>>,
    taken: usize,
}

impl<V> Default for Places<V> {
    fn default() -> Places<V> {
        Places { places: Vec::new(), taken: 0 }
    }
}

impl<V: Copy> Places<V> {
    /// The value with this hash that is the one sought.
    pub(super) fn find(&self, hash: u64, is_sought: impl Fn(V) -> bool) -> Option<V> {
        if self.places.is_empty() {
            return None;
        }
        let last = self.places.len() - 1;
        let mut at = hash as usize & last;
        while let Some((known, value)) = self.places[at] {
            if known == hash && is_sought(value) {
                return Some(value);
            }
            at = (at + 1) & last;
        }
        None
    }

    /// Adds a value that is not there.
    pub(super) fn add(&mut self, hash: u64, value: V) {
        if self.taken * 4 >= self.places.len() * 3 {
            let size = (self.places.len() * 2).max(PLACES_MIN);
            let old = std::mem::replace(&mut self.places, vec![None; size]);
            old.into_iter().flatten().for_each(|(hash, value)| self.put(hash, value));
        }
        self.put(hash, value);
        self.taken += 1;
    }

    fn put(&mut self, hash: u64, value: V) {
        let last = self.places.len() - 1;
        let mut at = hash as usize & last;
        while self.places[at].is_some() {
            at = (at + 1) & last;
        }
        self.places[at] = Some((hash, value));
    }
}
