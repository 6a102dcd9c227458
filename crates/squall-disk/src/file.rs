//! Real files in one directory.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use squall_node::DiskError;

use crate::device::{Device, FileId, SyncMark};

/// A directory of real files. A sync is an `fdatasync` of each file that was written, and of the
/// directory if names have changed.
///
/// Nothing tells whether another life has synced what it left behind. So a directory that is not
/// empty counts as dirty, and the first sync covers all files in it.
#[derive(Debug)]
pub struct FileDevice {
    directory: PathBuf,
    files: Vec<Handle>,
    dirty: BTreeSet<FileId>,
    names_changed: bool,
    /// What a former life left has not been synced yet.
    inherited: bool,
    begun: Batch,
    syncs: u64,
    has_failed: bool,
}

#[derive(Debug)]
struct Handle {
    name: String,
    file: File,
    is_removed: bool,
}

/// What a sync that has begun covers.
#[derive(Debug, Default)]
struct Batch {
    files: BTreeSet<FileId>,
    names: bool,
    inherited: bool,
}

impl FileDevice {
    /// The device of a directory, which is created if there is none.
    ///
    /// # Errors
    /// If it can neither be read nor created.
    pub fn open(directory: &Path) -> Result<Self, DiskError> {
        fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
        let mut device = Self {
            directory: directory.to_owned(),
            files: Vec::new(),
            dirty: BTreeSet::new(),
            names_changed: false,
            inherited: false,
            begun: Batch::default(),
            syncs: 0,
            has_failed: false,
        };
        device.inherited = !device.names()?.is_empty();
        Ok(device)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut batch = std::mem::take(&mut self.begun);
        if batch.inherited {
            for name in self.names().map_err(io::Error::other)? {
                batch.files.insert(self.open(&name).map_err(io::Error::other)?);
            }
        }
        for file in batch.files {
            let handle = &self.files[file.index()];
            if !handle.is_removed {
                handle.file.sync_data()?;
            }
        }
        if batch.names || batch.inherited {
            sync_directory(&self.directory)?;
        }
        if batch.inherited {
            self.inherited = false;
        }
        Ok(())
    }
}

impl Device for FileDevice {
    fn names(&mut self) -> Result<Vec<String>, DiskError> {
        let list = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.directory)? {
                let entry = entry?;
                if let (true, Ok(name)) =
                    (entry.file_type()?.is_file(), entry.file_name().into_string())
                {
                    names.push(name);
                }
            }
            names.sort_unstable();
            Ok(names)
        };
        list().map_err(|error| failed(&self.directory, &error))
    }

    fn open(&mut self, name: &str) -> Result<FileId, DiskError> {
        let is_it = |handle: &Handle| !handle.is_removed && handle.name == name;
        if let Some(at) = self.files.iter().position(is_it) {
            return Ok(FileId::new(at));
        }
        let path = self.directory.join(name);
        let is_new = !path.exists();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| failed(&path, &error))?;
        self.names_changed |= is_new;
        self.files.push(Handle { name: name.to_owned(), file, is_removed: false });
        Ok(FileId::new(self.files.len() - 1))
    }

    fn remove(&mut self, file: FileId) -> Result<(), DiskError> {
        let handle = &mut self.files[file.index()];
        let path = self.directory.join(&handle.name);
        fs::remove_file(&path).map_err(|error| failed(&path, &error))?;
        handle.is_removed = true;
        self.dirty.remove(&file);
        self.names_changed = true;
        Ok(())
    }

    fn len(&mut self, file: FileId) -> Result<u64, DiskError> {
        let handle = &self.files[file.index()];
        let metadata = handle.file.metadata();
        metadata.map(|it| it.len()).map_err(|error| failed(handle.name.as_ref(), &error))
    }

    fn read_at(&mut self, file: FileId, offset: u64, into: &mut [u8]) -> Result<usize, DiskError> {
        let handle = &self.files[file.index()];
        let mut read = 0;
        while read < into.len() {
            match read_some(&handle.file, offset + read as u64, &mut into[read..]) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(handle.name.as_ref(), &error)),
            }
        }
        Ok(read)
    }

    fn write_at(&mut self, file: FileId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let before = self.len(file)?;
        let handle = &self.files[file.index()];
        self.dirty.insert(file);
        let Err(error) = write_whole(&handle.file, offset, bytes) else { return Ok(()) };
        // What a write that failed half-way has left beyond the end must not be read again.
        let cut = handle.file.set_len(before);
        match (error.kind(), cut) {
            (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, Ok(())) => Err(DiskError::Full),
            _ => Err(failed(handle.name.as_ref(), &error)),
        }
    }

    fn begin_sync(&mut self) -> SyncMark {
        self.begun = Batch {
            files: std::mem::take(&mut self.dirty),
            names: std::mem::take(&mut self.names_changed),
            inherited: self.inherited,
        };
        self.syncs += 1;
        SyncMark(self.syncs)
    }

    fn end_sync(&mut self, mark: SyncMark) -> Result<(), DiskError> {
        assert!(mark.0 == self.syncs, "a sync ends before the next one begins");
        if self.has_failed {
            return Err(DiskError::Failed("an earlier sync failed".to_owned()));
        }
        self.sync().map_err(|error| {
            self.has_failed = true;
            failed(&self.directory, &error)
        })
    }

    fn is_dirty(&self) -> bool {
        let is_begun = !self.begun.files.is_empty() || self.begun.names;
        self.inherited || self.names_changed || !self.dirty.is_empty() || is_begun
    }
}

fn failed(path: &Path, error: &io::Error) -> DiskError {
    DiskError::Failed(format!("{}: {error}", path.display()))
}

/// Makes the names in a directory durable. Only Unix has a call for it.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

#[cfg(unix)]
fn read_some(file: &File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, into, offset)
}

#[cfg(unix)]
fn write_whole(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(not(unix))]
fn read_some(mut file: &File, offset: u64, into: &mut [u8]) -> io::Result<usize> {
    use std::io::{Read, Seek};
    file.seek(io::SeekFrom::Start(offset))?;
    file.read(into)
}

#[cfg(not(unix))]
fn write_whole(mut file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek, Write};
    file.seek(io::SeekFrom::Start(offset))?;
    file.write_all(bytes)
}
