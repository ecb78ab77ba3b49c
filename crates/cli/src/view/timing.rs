//! How the steps of a plan lie in time: pure functions over graphs and intervals.

use std::collections::BTreeMap;
use std::time::Duration;

use sortie_engine::Timestamp;

/// A step with the interval in which it ran, if it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timed {
    pub(crate) number: u32,
    pub(crate) depends_on: Vec<u32>,
    pub(crate) span: Option<(Timestamp, Timestamp)>,
}

/// A chain of steps through the dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Path {
    pub(crate) steps: Vec<u32>,
    pub(crate) time: Duration,
}

/// The chain whose steps took longest together. Of equal chains, the one with more steps, and then
/// the one that ends in the step with the smallest number. Steps that did not run take part in
/// none.
pub(crate) fn critical_path(steps: &[Timed]) -> Path {
    let mut best: BTreeMap<u32, Path> = BTreeMap::new();
    for step in in_order(steps) {
        let Some((start, end)) = step.span else { continue };
        let before = step.depends_on.iter().filter_map(|number| best.get(number));
        let mut path = longest(before);
        path.steps.push(step.number);
        path.time += end.since(start);
        best.insert(step.number, path);
    }
    longest(best.values())
}

fn longest<'a>(paths: impl Iterator<Item = &'a Path>) -> Path {
    let longer = |longest: &'a Path, path: &'a Path| {
        let length = |path: &Path| (path.time, path.steps.len());
        if length(path) > length(longest) { path } else { longest }
    };
    paths.reduce(longer).cloned().unwrap_or_default()
}

/// The largest number of steps that ran at the same moment. One that ends where another starts does
/// not overlap it; one without length counts at its moment, before those that lie deeper start.
pub(crate) fn most_at_once(steps: &[Timed]) -> usize {
    const END: u8 = 0;
    const START: u8 = 1;
    const END_OF_NOTHING: u8 = 2;
    let levels = levels(steps);
    let mut edges = Vec::new();
    for step in steps {
        let Some((start, end)) = step.span else { continue };
        let level = levels.get(&step.number).map_or(1, |level| level + 1);
        edges.push((start, level, START));
        edges.push(if start == end { (end, level, END_OF_NOTHING) } else { (end, 0, END) });
    }
    edges.sort_unstable();
    let (mut now, mut most) = (0_usize, 0);
    for (_, _, edge) in edges {
        now = if edge == START { now + 1 } else { now.saturating_sub(1) };
        most = most.max(now);
    }
    most
}

/// How many steps deep each step lies, by number: 0 depends on nothing. Steps of a cycle and
/// what follows them are left out.
pub(crate) fn levels(steps: &[Timed]) -> BTreeMap<u32, usize> {
    let mut levels = BTreeMap::new();
    for step in in_order(steps) {
        let before = step.depends_on.iter().filter_map(|number| levels.get(number));
        let level = before.max().map_or(0, |deepest: &usize| deepest + 1);
        levels.insert(step.number, level);
    }
    levels
}

/// Dependencies first (Kahn's algorithm), without what lies on a cycle or behind one: plans come
/// from strangers. Dependencies that do not exist are no obstacle.
fn in_order(steps: &[Timed]) -> Vec<&Timed> {
    let mut missing: BTreeMap<u32, usize> = BTreeMap::new();
    let mut dependents: BTreeMap<u32, Vec<&Timed>> = BTreeMap::new();
    let known: BTreeMap<u32, &Timed> = steps.iter().map(|step| (step.number, step)).collect();
    for step in known.values() {
        let needed = step.depends_on.iter().filter(|number| known.contains_key(number));
        missing.insert(step.number, needed.clone().count());
        for number in needed {
            dependents.entry(*number).or_default().push(step);
        }
    }
    let mut order: Vec<&Timed> =
        known.values().copied().filter(|step| missing.get(&step.number) == Some(&0)).collect();
    let mut next = 0;
    while let Some(step) = order.get(next).copied() {
        next += 1;
        for dependent in dependents.get(&step.number).into_iter().flatten() {
            if let Some(count) = missing.get_mut(&dependent.number) {
                *count -= 1;
                if *count == 0 {
                    order.push(dependent);
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn step(number: u32, depends_on: &[u32], span: Option<(u64, u64)>) -> Timed {
        let span = span.map(|(start, end)| (at(start), at(end)));
        Timed { number, depends_on: depends_on.to_vec(), span }
    }

    #[test]
    fn the_critical_path_is_the_longest_chain_of_durations() {
        let cases: Vec<(&str, Vec<Timed>, Vec<u32>, u64)> = vec![
            ("nothing", vec![], vec![], 0),
            ("one step", vec![step(1, &[], Some((5, 9)))], vec![1], 4),
            (
                "a diamond goes through its slow side",
                vec![
                    step(1, &[], Some((0, 10))),
                    step(2, &[1], Some((10, 15))),
                    step(3, &[1], Some((10, 40))),
                    step(4, &[2, 3], Some((40, 41))),
                ],
                vec![1, 3, 4],
                41,
            ),
            (
                "waiting does not count",
                vec![step(1, &[], Some((0, 1))), step(2, &[1], Some((90, 91)))],
                vec![1, 2],
                2,
            ),
            (
                "a lone slow step beats a chain",
                vec![
                    step(1, &[], Some((0, 1))),
                    step(2, &[1], Some((1, 2))),
                    step(9, &[], Some((0, 50))),
                ],
                vec![9],
                50,
            ),
            (
                "numbers need not follow the order",
                vec![step(1, &[7], Some((5, 9))), step(7, &[], Some((0, 5)))],
                vec![7, 1],
                9,
            ),
            (
                "steps that did not run are left out",
                vec![step(1, &[], Some((0, 5))), step(2, &[1], None), step(3, &[2, 99], None)],
                vec![1],
                5,
            ),
            (
                "of equal chains the longer one tells more",
                vec![step(1, &[], Some((3, 3))), step(2, &[1], Some((3, 3)))],
                vec![1, 2],
                0,
            ),
            (
                "a cycle is no path",
                vec![step(1, &[2], Some((0, 5))), step(2, &[1], Some((0, 5)))],
                vec![],
                0,
            ),
        ];
        for (name, steps, path, millis) in cases {
            let found = critical_path(&steps);
            assert_eq!(found.steps, path, "{name}");
            assert_eq!(found.time, Duration::from_millis(millis), "{name}");
        }
    }

    #[test]
    fn overlap_counts_shared_moments_only() {
        let cases: [(_, &[(u64, u64)], _); 6] = [
            ("nothing", &[], 0),
            ("one", &[(0, 1)], 1),
            ("after each other", &[(0, 10), (10, 20), (20, 30)], 1),
            ("nested", &[(0, 100), (10, 20), (12, 15), (30, 40)], 3),
            ("no length, same moment", &[(5, 5), (5, 5)], 2),
            ("no length inside another", &[(0, 10), (5, 5)], 2),
        ];
        for (name, spans, most) in cases {
            let steps: Vec<_> =
                (1..).zip(spans).map(|(number, span)| step(number, &[], Some(*span))).collect();
            assert_eq!(most_at_once(&steps), most, "{name}");
        }
    }

    #[test]
    fn a_step_never_overlaps_what_it_depends_on() {
        let quick = Some((5, 5));
        let chain = [step(1, &[], quick), step(2, &[], quick), step(3, &[1, 2], Some((5, 9)))];
        assert_eq!(most_at_once(&chain), 2);
        assert_eq!(most_at_once(&[step(1, &[], quick), step(2, &[1], quick)]), 1);
    }

    #[test]
    fn levels_are_the_longest_way_down() {
        let steps = [step(1, &[], None), step(2, &[1], None), step(3, &[1, 2, 42], None)];
        assert_eq!(levels(&steps), BTreeMap::from([(1, 0), (2, 1), (3, 2)]));
        let duplicate_dependency = [step(1, &[], None), step(2, &[1, 1], None)];
        assert_eq!(levels(&duplicate_dependency), BTreeMap::from([(1, 0), (2, 1)]));
    }
}
