use super::*;

/// A folder as the kernel's, with numbers that stand still; it goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, number: u64, free: u64) -> Self {
        let path = std::env::temp_dir().join(format!("corelane-bench-{}-{name}", std::process::id()));
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join("nr_hugepages"), number.to_string()).expect("a file");
        fs::write(path.join("free_hugepages"), free.to_string()).expect("a file");
        Self(path)
    }

    fn number(&self) -> String {
        fs::read_to_string(self.0.join("nr_hugepages")).expect("a number")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn nothing_is_asked_for_when_enough_are_free() {
    let folder = Folder::new("enough", 300, 256);
    let pages = HugePages::reserve_in(&folder.0, 512).expect("enough");
    assert_eq!(pages.changed, None);
    drop(pages);
    assert_eq!(folder.number(), "300");
}

#[test]
fn the_old_number_comes_back_when_the_kernel_has_no_more() {
    let folder = Folder::new("too-few", 10, 6);
    let error = HugePages::reserve_in(&folder.0, 512).err().expect("too few");
    // 250 more than there are: 6 of the 256 are free already.
    let line = error.to_string();
    assert!(line.contains("256") && line.contains("only 6") && line.contains("echo 260 > "), "{line}");
    assert_eq!(folder.number(), "10");
}

#[test]
fn what_was_asked_for_goes_back_with_the_value() {
    let folder = Folder::new("asked", 10, 6);
    for (meanwhile, at_the_end) in [("260", "10"), ("400", "400")] {
        let pages = HugePages { folder: folder.0.clone(), changed: Some((10, 260)) };
        fs::write(folder.0.join("nr_hugepages"), meanwhile).expect("a file");
        drop(pages);
        assert_eq!(folder.number(), at_the_end, "what others asked for stays");
    }
}

#[test]
fn a_kernel_without_huge_pages_is_named() {
    let error = HugePages::reserve_in(Path::new("/nonexistent"), 2).err().expect("no folder");
    assert!(format!("{error:#}").contains("huge pages"), "{error:#}");
}
