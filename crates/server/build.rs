//! Rebuilds the server when the built clients have changed, and lets it build before they exist.

fn main() {
    for folder in ["demo", "install", "core", "web"] {
        let folder = format!("../../clients/dist/{folder}");
        println!("cargo:rerun-if-changed={folder}");
        if let Err(e) = std::fs::create_dir_all(&folder) {
            println!("cargo:warning=cannot create {folder}: {e}");
        }
    }
}
