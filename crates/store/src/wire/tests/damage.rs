//! Whatever the bytes are, they are read or refused. What was read is written and read as the same,
//! so that nothing changes while it is passed on.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::super::BadBytes;
use super::*;

fn holds<T: PartialEq + Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, BadBytes>,
    encode: impl Fn(&T) -> Vec<u8>,
) {
    if let Ok(read) = decode(bytes) {
        assert_eq!(decode(&encode(&read)), Ok(read));
    }
}

fn holds_for_every_family(bytes: &[u8]) {
    holds(bytes, entry::decode, entry::encode);
    holds(bytes, command::decode, command::encode);
    holds(bytes, presence::decode, presence::encode);
    holds(bytes, signal::decode, signal::encode);
    holds(bytes, summary::decode, summary::encode);
    holds(
        bytes,
        |bytes| record::decode(RUN, bytes),
        |(id, events)| record::encode(RUN, *id, None, events),
    );
}

fn samples() -> Vec<Vec<u8>> {
    let mut samples = vec![record::encode(RUN, COMMIT, Some(COMMIT), &history())];
    samples.extend(entries().iter().map(entry::encode));
    samples.extend(commands().iter().map(command::encode));
    samples.extend(presences().iter().map(presence::encode));
    samples.extend(signals().iter().map(signal::encode));
    samples.extend(summaries().iter().map(summary::encode));
    samples
}

#[test]
fn a_cut_anywhere_is_read_or_refused() {
    for sample in samples() {
        for end in 0..=sample.len() {
            holds_for_every_family(&sample[..end]);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..256)) {
        holds_for_every_family(&bytes);
    }

    #[test]
    fn damaged_bytes_are_read_or_refused(
        sample in any::<Index>(),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
        insert in proptest::option::of((any::<Index>(), vec(any::<u8>(), 0..12))),
    ) {
        let samples = samples();
        let mut bytes = sample.get(&samples).clone();
        for (place, value) in damage {
            let place = place.index(bytes.len().max(1));
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        if let Some((place, more)) = insert {
            let place = place.index(bytes.len() + 1);
            bytes.splice(place..place, more);
        }
        holds_for_every_family(&bytes);
    }
}
