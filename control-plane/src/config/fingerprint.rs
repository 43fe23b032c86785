//! Telling one content of files from another, often and cheaply: a price list has megabytes.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

/// A file that was written less than this before it was read may be written again without another time: file systems
/// keep times more coarsely than they show them.
const SETTLED: Duration = Duration::from_secs(2);

/// What was seen of files. A file is read again only if it may have changed.
#[derive(Debug, Default)]
pub(super) struct Fingerprints(HashMap<PathBuf, Seen>);

#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    digest: [u8; 32],
}

/// Changes when a file is written, replaced, or another one is linked in its place.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: SystemTime,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Option<Self> {
        let modified = metadata.modified().ok()?;
        Some(Self { device: metadata.dev(), inode: metadata.ino(), length: metadata.len(), modified })
    }

    fn is_settled(&self, now: SystemTime) -> bool {
        now.duration_since(self.modified).is_ok_and(|age| age >= SETTLED)
    }
}

impl Fingerprints {
    /// One fingerprint of all the files; `None` when one cannot be read at the moment.
    pub(super) fn of<'p>(&mut self, files: impl Iterator<Item = &'p PathBuf>) -> Option<[u8; 32]> {
        let mut hash = Sha256::new();
        for path in files {
            hash.update(self.digest(path, SystemTime::now())?);
        }
        Some(hash.finalize().into())
    }

    fn digest(&mut self, path: &Path, now: SystemTime) -> Option<[u8; 32]> {
        // The stamp is taken before the content: a change in between is seen at the next look.
        let stamp = Stamp::of(&fs::metadata(path).ok()?)?;
        if let Some(seen) = self.0.get(path)
            && seen.stamp == stamp
        {
            return Some(seen.digest);
        }
        let digest = Sha256::digest(fs::read(path).ok()?).into();
        if stamp.is_settled(now) {
            self.0.insert(path.to_owned(), Seen { stamp, digest });
        }
        Some(digest)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    /// Writes `content` as if it had been written `age` ago.
    fn write(path: &Path, content: &str, age: Duration) {
        fs::write(path, content).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
    }

    #[test]
    fn another_content_is_another_fingerprint_and_the_same_is_the_same() {
        let place = tempfile::tempdir().unwrap();
        let files = [place.path().join("a"), place.path().join("b")];
        let hour = Duration::from_secs(3_600);
        files.iter().for_each(|path| write(path, "one", hour));
        let mut known = Fingerprints::default();
        let first = known.of(files.iter()).unwrap();
        assert_eq!(known.of(files.iter()), Some(first));
        write(&files[1], "two", hour / 2);
        assert_ne!(known.of(files.iter()), Some(first));
        write(&files[1], "one", hour / 4);
        assert_eq!(known.of(files.iter()), Some(first));
        fs::remove_file(&files[0]).unwrap();
        assert_eq!(known.of(files.iter()), None);
    }

    #[test]
    fn a_file_that_is_being_written_is_read_each_time() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("a");
        let mut known = Fingerprints::default();
        write(&file, "one", Duration::ZERO);
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        let first = known.of([&file].into_iter());
        // The same length at the same time, as far as the file system can tell.
        fs::write(&file, "two").unwrap();
        File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        assert_ne!(known.of([&file].into_iter()), first);
    }

    #[test]
    fn a_file_that_has_settled_is_not_read_again() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("a");
        let mut known = Fingerprints::default();
        write(&file, "one", Duration::from_secs(3_600));
        let time = fs::metadata(&file).unwrap().modified().unwrap();
        let first = known.of([&file].into_iter());
        fs::write(&file, "two").unwrap();
        File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        assert_eq!(known.of([&file].into_iter()), first, "nothing shows the change");
    }
}
