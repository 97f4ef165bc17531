//! A new file in `migrations/` rebuilds the crate, which embeds them.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
