//! Compiles the `.proto` files without protoc: protox parses them, tonic-prost-build writes Rust.

use std::error::Error;
use std::path::PathBuf;

use protox::prost::Message as _;

/// What services and clients say to each other; reflection offers it.
const CONTRACT: [&str; 4] = [
    "sortie/v1/common.proto",
    "sortie/v1/event.proto",
    "sortie/v1/planner.proto",
    "sortie/v1/coordinator.proto",
];

/// What a shared store keeps; it imports the contract.
const STORE: &str = "sortie/store/v1/store.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=sortie");
    let contract = protox::compile(CONTRACT, ["."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), contract.encode_to_vec())?;
    let everything = protox::compile(CONTRACT.into_iter().chain([STORE]), ["."])?;
    // Ordered maps: the same message is always the same bytes, which hashes and records count on.
    tonic_prost_build::configure().btree_map(".").compile_fds(everything)?;
    Ok(())
}
