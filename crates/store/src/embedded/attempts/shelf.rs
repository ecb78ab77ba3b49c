//! Places for items, and chains through them: adding, taking out of the middle and taking the first
//! are all of constant cost and allocate nothing once the shelf has grown.

/// Where an item lies. A place is used again once its item is gone, so whoever keeps one checks
/// what lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::embedded) struct Place(pub(super) u32);

/// A sequence of items on a shelf.
#[derive(Debug, Default)]
pub(super) struct Chain {
    first: Option<Place>,
    last: Option<Place>,
}

impl Chain {
    pub(super) const fn first(&self) -> Option<Place> {
        self.first
    }
}

struct Node<T> {
    item: T,
    before: Option<Place>,
    behind: Option<Place>,
}

/// Items by place. An item is in one chain at most; the caller knows in which.
pub(super) struct Shelf<T> {
    nodes: Vec<Option<Node<T>>>,
    free: Vec<Place>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), free: Vec::new() }
    }
}

impl<T> Shelf<T> {
    /// Puts an item, made for its place, at the end of a chain.
    pub(super) fn insert(&mut self, chain: &mut Chain, make: impl FnOnce(Place) -> T) -> Place {
        let place = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(None);
            // 2^32 entries would need hundreds of gigabytes before this could wrap.
            Place(u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX))
        });
        self.nodes[place.0 as usize] = Some(Node { item: make(place), before: None, behind: None });
        self.append(chain, place);
        place
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &T> {
        self.nodes.iter().flatten().map(|node| &node.item)
    }

    pub(super) fn get(&self, place: Place) -> Option<&T> {
        Some(&self.nodes.get(place.0 as usize)?.as_ref()?.item)
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        Some(&mut self.node(place)?.item)
    }

    /// Takes an item out of its chain and off the shelf.
    pub(super) fn remove(&mut self, chain: &mut Chain, place: Place) -> Option<T> {
        self.unlink(chain, place);
        let node = self.nodes.get_mut(place.0 as usize)?.take()?;
        self.free.push(place);
        Some(node.item)
    }

    /// Takes an item out of one chain and puts it at the end of another.
    pub(super) fn shift(&mut self, from: &mut Chain, to: &mut Chain, place: Place) {
        self.unlink(from, place);
        self.append(to, place);
    }

    /// Takes an item out of the middle of its chain and puts it at the end.
    pub(super) fn move_to_end(&mut self, chain: &mut Chain, place: Place) {
        self.unlink(chain, place);
        self.append(chain, place);
    }

    /// Takes an item out of the middle of its chain and puts it at the start.
    #[cfg(test)]
    pub(super) fn move_to_start(&mut self, chain: &mut Chain, place: Place) {
        self.unlink(chain, place);
        let next = chain.first.replace(place);
        if let Some(node) = self.node(place) {
            node.behind = next;
        }
        match next.and_then(|next| self.node(next)) {
            Some(node) => node.before = Some(place),
            None => chain.last = Some(place),
        }
    }

    fn append(&mut self, chain: &mut Chain, place: Place) {
        let previous = chain.last.replace(place);
        if let Some(node) = self.node(place) {
            node.before = previous;
        }
        match previous.and_then(|previous| self.node(previous)) {
            Some(node) => node.behind = Some(place),
            None => chain.first = Some(place),
        }
    }

    fn unlink(&mut self, chain: &mut Chain, place: Place) {
        let Some(node) = self.node(place) else { return };
        let (before, behind) = (node.before.take(), node.behind.take());
        match before.and_then(|before| self.node(before)) {
            Some(node) => node.behind = behind,
            None => chain.first = behind,
        }
        match behind.and_then(|behind| self.node(behind)) {
            Some(node) => node.before = before,
            None => chain.last = before,
        }
    }

    fn node(&mut self, place: Place) -> Option<&mut Node<T>> {
        self.nodes.get_mut(place.0 as usize)?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(shelf: &mut Shelf<u32>, chain: &mut Chain) -> Vec<u32> {
        std::iter::from_fn(|| shelf.remove(chain, chain.first()?)).collect()
    }

    #[test]
    fn chains_keep_their_order_when_the_middle_goes() {
        let (mut shelf, mut chain, mut other) =
            (Shelf::default(), Chain::default(), Chain::default());
        let places: Vec<_> = (0..5).map(|n| shelf.insert(&mut chain, |_| n)).collect();
        assert_eq!(shelf.remove(&mut chain, places[2]), Some(2));
        shelf.move_to_end(&mut chain, places[0]);
        shelf.shift(&mut chain, &mut other, places[4]);
        shelf.move_to_start(&mut chain, places[3]);
        assert_eq!(drain(&mut shelf, &mut chain), [3, 1, 0]);
        assert_eq!(drain(&mut shelf, &mut other), [4]);
    }

    #[test]
    fn places_are_used_again() {
        let (mut shelf, mut chain) = (Shelf::default(), Chain::default());
        let place = shelf.insert(&mut chain, |_| 1);
        shelf.remove(&mut chain, place);
        assert!(shelf.get(place).is_none() && chain.first().is_none());
        assert_eq!(shelf.insert(&mut chain, |_| 2), place);
        assert_eq!(shelf.remove(&mut chain, place), Some(2));
        assert_eq!(shelf.remove(&mut chain, place), None);
    }
}
