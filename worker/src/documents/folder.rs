//! A folder of the user's own documents, within limits.
//!
//! Hidden files are left alone, links to folders are not followed (so there is no loop to be
//! caught in), and only plain files are opened: a pipe would block for ever.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Draft, markdown, records};

/// A file of this size is a data base, not a document.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// All of it is held in memory.
const MAX_TOTAL_BYTES: u64 = 64 << 20;
const MAX_FILES: usize = 5_000;
/// Folders inside folders.
const MAX_DEPTH: usize = 16;
/// Nobody reads a longer list of complaints.
const MAX_SKIPPED: usize = 200;

/// A file that searches do not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedDocument {
    /// Which one, inside the folder.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl fmt::Display for SkippedDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// A folder that cannot be searched.
#[derive(Debug, thiserror::Error)]
#[error("read the documents in {}", folder.display())]
pub struct BadFolder {
    folder: PathBuf,
    source: io::Error,
}

/// Its documents, and what was left out.
pub(super) fn read(folder: &Path) -> Result<(Vec<Draft>, Vec<SkippedDocument>), BadFolder> {
    let bad = |source| BadFolder { folder: folder.to_owned(), source };
    let entries = sorted_entries(folder).map_err(bad)?;
    let mut reader =
        Reader { root: folder, drafts: Vec::new(), skipped: Vec::new(), files: 0, bytes: 0 };
    reader.visit(entries, 0);
    Ok((reader.drafts, reader.skipped))
}

/// By name, so that nothing depends on the order in which a file system lists. One more than is
/// allowed shows that there are more.
fn sorted_entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<_> = fs::read_dir(folder)?
        .take(MAX_FILES + 1)
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

struct Reader<'a> {
    root: &'a Path,
    drafts: Vec<Draft>,
    skipped: Vec<SkippedDocument>,
    files: usize,
    bytes: u64,
}

impl Reader<'_> {
    fn visit(&mut self, entries: Vec<PathBuf>, depth: usize) {
        for path in entries {
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
            if hidden {
                continue;
            }
            if self.files >= MAX_FILES {
                self.skip(&path, format!("there are more than {MAX_FILES} files"));
                return;
            }
            self.files += 1;
            if path.is_dir() {
                self.enter(&path, depth + 1);
            } else if let Err(reason) = self.add(&path) {
                self.skip(&path, reason);
            }
        }
    }

    fn enter(&mut self, path: &Path, depth: usize) {
        if path.is_symlink() {
            return self.skip(path, "a link to a folder is not followed".to_owned());
        }
        if depth > MAX_DEPTH {
            return self.skip(path, format!("it lies more than {MAX_DEPTH} folders deep"));
        }
        match sorted_entries(path) {
            Ok(entries) => self.visit(entries, depth),
            Err(error) => self.skip(path, error.to_string()),
        }
    }

    fn add(&mut self, path: &Path) -> Result<(), String> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        if !matches!(ending.as_str(), "txt" | "md" | "csv" | "json") {
            return Err("only .txt, .md, .csv and .json are read".to_owned());
        }
        let text = self.text(path)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let title = path.file_stem().map(|stem| stem.to_string_lossy().replace(['-', '_'], " "));
        let title = title.unwrap_or_default();
        let passages = match ending.as_str() {
            "csv" => records::csv_passages(&title, text)?,
            "json" => records::json_passages(&title, text)?,
            _ => markdown::passages(&title, text),
        };
        if passages.is_empty() {
            return Err("it is empty".to_owned());
        }
        let name = path.strip_prefix(self.root).unwrap_or(path).to_string_lossy().into_owned();
        let is_text = matches!(ending.as_str(), "txt" | "md");
        self.drafts.push(Draft { name, passages, is_text });
        Ok(())
    }

    fn text(&mut self, path: &Path) -> Result<String, String> {
        let say = |error: io::Error| error.to_string();
        if !fs::metadata(path).map_err(say)?.is_file() {
            return Err("it is not a plain file".to_owned());
        }
        let mut bytes = Vec::new();
        // One byte more than allowed shows that there is more; sizes of files can lie.
        let limit = MAX_FILE_BYTES + 1;
        File::open(path).map_err(say)?.take(limit).read_to_end(&mut bytes).map_err(say)?;
        let size = bytes.len() as u64;
        if size > MAX_FILE_BYTES {
            return Err(format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20));
        }
        if self.bytes + size > MAX_TOTAL_BYTES {
            return Err(format!("all together are larger than {} MiB", MAX_TOTAL_BYTES >> 20));
        }
        self.bytes += size;
        String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
    }

    fn skip(&mut self, path: &Path, reason: String) {
        if self.skipped.len() < MAX_SKIPPED {
            let path = path.strip_prefix(self.root).unwrap_or(path).to_owned();
            self.skipped.push(SkippedDocument { path, reason });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::Documents;
    use std::error::Error as _;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    #[test]
    fn all_four_kinds_are_found_below_the_folder() {
        let folder = folder(&[
            ("lisbon.md", "\u{feff}# Lisbon\n\nRents rose.\n".as_bytes()),
            ("deep/er/old_notes.TXT", b"Porto lies north."),
            ("cities.csv", b"city,cost\nFaro,low\n"),
            ("data.json", br#"{"braga": {"cost": "low"}}"#),
            (".hidden.md", b"secret"),
        ]);
        let documents = Documents::from_folder(folder.path()).unwrap();
        assert_eq!((documents.len(), documents.skipped()), (4, &[][..]));
        for (subject, document, heading) in [
            ("LISBON rents", "lisbon.md", "Lisbon"),
            ("Porto notes", "deep/er/old_notes.TXT", "old notes"),
            ("Faro", "cities.csv", "cities"),
            ("Braga", "data.json", "data"),
        ] {
            let found = documents.search("cost", Some(subject), 3);
            let passage = found.first().unwrap_or_else(|| panic!("{subject}")).passage;
            assert_eq!((passage.document.as_str(), passage.heading.as_str()), (document, heading));
        }
        assert!(documents.search("secret", None, 3).is_empty());
    }

    #[test]
    fn faults_of_single_files_are_listed_by_name() {
        let big = vec![b'a'; MAX_FILE_BYTES as usize + 1];
        let folder = folder(&[
            ("bad.json", b"{"),
            ("bad.csv", b"a,b\n1\n"),
            ("big.txt", &big),
            ("empty.md", b"\n"),
            ("good.md", b"fine"),
            ("latin1.txt", b"caf\xe9"),
            ("picture.png", b"x"),
        ]);
        let documents = Documents::from_folder(folder.path()).unwrap();
        assert_eq!(documents.len(), 1);
        let skipped: Vec<_> = documents.skipped().iter().map(ToString::to_string).collect();
        for says in [
            "bad.csv: CSV error",
            "bad.json: EOF",
            "big.txt: it is larger than 4 MiB",
            "empty.md: it is empty",
            "latin1.txt: it is not UTF-8",
            "picture.png: only .txt",
        ] {
            assert!(skipped.iter().any(|line| line.starts_with(says)), "{says}: {skipped:?}");
        }
        assert_eq!(skipped.len(), 6);
    }

    #[test]
    fn a_missing_folder_and_a_file_are_errors() {
        let folder = folder(&[("a.md", b"text")]);
        for path in [folder.path().join("nowhere"), folder.path().join("a.md")] {
            let error = Documents::from_folder(&path).err().unwrap();
            assert!(error.to_string().contains(path.to_str().unwrap()));
            assert!(error.source().is_some());
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_read_when_they_lead_to_files_and_never_loop() {
        use std::os::unix::fs::symlink;
        let folder = folder(&[("sub/a.md", b"linked words")]);
        symlink(folder.path(), folder.path().join("sub/loop")).unwrap();
        symlink(folder.path().join("sub/a.md"), folder.path().join("b.md")).unwrap();
        symlink(folder.path().join("gone"), folder.path().join("c.md")).unwrap();
        symlink("/dev/zero", folder.path().join("d.txt")).unwrap();
        let documents = Documents::from_folder(folder.path()).unwrap();
        assert_eq!(documents.len(), 2);
        let skipped: Vec<_> = documents.skipped().iter().map(|s| s.path.clone()).collect();
        assert_eq!(skipped, ["c.md", "d.txt", "sub/loop"].map(PathBuf::from));
    }

    #[test]
    fn folders_have_a_deepest_level() {
        let path = format!("{}/a.md", vec!["d"; MAX_DEPTH + 1].join("/"));
        let folder = folder(&[(path.as_str(), b"too deep")]);
        let documents = Documents::from_folder(folder.path()).unwrap();
        assert!(documents.is_empty());
        assert!(documents.skipped()[0].reason.contains("16 folders deep"));
    }
}
