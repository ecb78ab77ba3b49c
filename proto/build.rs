//! Compiles the `.proto` files without protoc: protox parses them, tonic-prost-build writes Rust.

use std::error::Error;
use std::path::PathBuf;

use protox::prost::Message as _;

const FILES: [&str; 4] = [
    "sortie/v1/common.proto",
    "sortie/v1/event.proto",
    "sortie/v1/planner.proto",
    "sortie/v1/coordinator.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=sortie");
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    // Ordered maps: the same message is always the same bytes, which hashes and records count on.
    tonic_prost_build::configure().btree_map(".").compile_fds(descriptors)?;
    Ok(())
}
