//! The coordinator: front door, driver of the lanes, watch.
