//! The files of the workspace, as text.

use std::fs;
use std::path::Path;

/// One text file.
pub struct File {
    /// From the root of the workspace, with forward slashes.
    pub path: String,
    pub text: String,
}

/// Every text file under the root.
pub struct Workspace {
    pub files: Vec<File>,
    /// Every path there is, directories and pictures included.
    pub paths: Vec<String>,
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)
    }
}

impl File {
    /// A sample for the tests of the checks.
    pub fn sample(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The lines, numbered from one.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// A complaint about one line.
    pub fn complain(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

impl Workspace {
    /// Reads the workspace that this test belongs to.
    pub fn load() -> Workspace {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut workspace = Workspace {
            files: Vec::new(),
            paths: Vec::new(),
        };
        workspace.walk(&root, "");
        workspace.files.sort_by(|a, b| a.path.cmp(&b.path));
        workspace
    }

    /// A workspace of these files alone.
    pub fn sample(files: &[(&str, &str)]) -> Workspace {
        Workspace {
            files: files
                .iter()
                .map(|(path, text)| File::sample(path, text))
                .collect(),
            paths: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
        }
    }

    pub fn with_extension(&self, extension: &str) -> Vec<&File> {
        let suffix = format!(".{extension}");
        let matches = |file: &&File| file.path.ends_with(&suffix);
        self.files.iter().filter(matches).collect()
    }

    pub fn find(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether there is such a file or directory.
    pub fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|there| there == path)
    }

    fn walk(&mut self, dir: &Path, prefix: &str) {
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            // What a build or git leaves behind is not ours to judge.
            if name == ".git" || name == "target" {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.file_type().unwrap().is_dir() {
                self.walk(&entry.path(), &format!("{path}/"));
            } else if let Ok(text) = fs::read_to_string(entry.path()) {
                self.files.push(File {
                    path: path.clone(),
                    text,
                });
            }
            self.paths.push(path);
        }
    }
}
