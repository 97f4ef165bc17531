//! Rebuilds the server when the built clients have changed, and lets it build before they exist.

fn main() {
    let dist = "../../clients/dist";
    println!("cargo:rerun-if-changed={dist}");
    if let Err(e) = std::fs::create_dir_all(dist) {
        println!("cargo:warning=cannot create clients/dist: {e}");
    }
}
