//! The workload image: this very executable, packed in memory and imported. No registry, no
//! Dockerfile, and nothing that the machine does not run anyway.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures_util::StreamExt;
use tar::{EntryType, Header};

use super::client::{CALL, Client, within};
use super::container::EXECUTABLE;
use super::elf;
use super::endpoint::EngineError;
use super::labels::MANAGED;

/// Repository of the image's tags.
const REPOSITORY: &str = "towtank/workload";

/// What engines give as the name of an image that has none.
const UNNAMED: &str = "<none>:<none>";

/// Where Linux shows the files that a process has mapped.
const OWN_MAPS: &str = "/proc/self/maps";

/// The root file system of the image as a tar archive: the executable, and if it is not statically
/// linked, its loader and the libraries that this process has mapped, each where it is here.
///
/// # Errors
///
/// [`EngineError::Image`] for files that cannot be read, and an executable that is no ELF file.
pub(super) fn archive(executable: &Path) -> Result<Vec<u8>, EngineError> {
    let contents = read(executable)?;
    let mut libraries = BTreeMap::new();
    if let Some(loader) = elf::interpreter(&contents)? {
        let maps = fs::read_to_string(OWN_MAPS)
            .map_err(|why| EngineError::Image(format!("{OWN_MAPS}: {why}")))?;
        for library in mapped_libraries(&maps) {
            for link in links_to(&library) {
                libraries.insert(link, Library::Link(library.clone()));
            }
            libraries.insert(library.clone(), Library::File(library));
        }
        // Last, so that it is a file and no link: the kernel looks for it at this very path.
        let loader = PathBuf::from(loader);
        libraries.insert(loader.clone(), Library::File(loader));
    }
    let mut archive = tar::Builder::new(Vec::with_capacity(contents.len() + (8 << 20)));
    let written = append(&mut archive, Path::new(EXECUTABLE), &contents);
    written.map_err(|why| EngineError::Image(format!("{}: {why}", executable.display())))?;
    drop(contents);
    for (path, library) in &libraries {
        let written = match library {
            Library::File(from) => append(&mut archive, path, &read(from)?),
            Library::Link(to) => append_link(&mut archive, path, to),
        };
        written.map_err(|why| EngineError::Image(format!("{}: {why}", path.display())))?;
    }
    let finished = archive.into_inner();
    finished.map_err(|why| EngineError::Image(format!("the archive cannot be written: {why}")))
}

enum Library {
    File(PathBuf),
    Link(PathBuf),
}

fn read(path: &Path) -> Result<Vec<u8>, EngineError> {
    fs::read(path).map_err(|why| EngineError::Image(format!("{}: {why}", path.display())))
}

/// Paths of the shared libraries in the text of `/proc/<pid>/maps`.
fn mapped_libraries(maps: &str) -> Vec<PathBuf> {
    let paths = maps.lines().filter_map(|line| line.find('/').map(|at| &line[at..]));
    let is_library = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.split('.').skip(1).any(|part| part == "so")
    };
    let mut found: Vec<PathBuf> = paths.filter(is_library).map(PathBuf::from).collect();
    found.sort();
    found.dedup();
    found
}

/// Links beside a library that lead to it: programs ask for `libm.so.6`, which on some systems is a
/// link to `libm-2.31.so`.
fn links_to(library: &Path) -> Vec<PathBuf> {
    let Some(entries) = library.parent().and_then(|folder| fs::read_dir(folder).ok()) else {
        return Vec::new();
    };
    let links = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let is_link = path.symlink_metadata().ok()?.file_type().is_symlink();
        (is_link && path.canonicalize().ok()? == *library).then_some(path)
    });
    links.collect()
}

/// A header that is the same wherever and whenever it is made, because its hash names the image.
fn header(kind: EntryType, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o755);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size as u64);
    header
}

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &Path, data: &[u8]) -> std::io::Result<()> {
    let mut header = header(EntryType::Regular, data.len());
    archive.append_data(&mut header, inside(path), data)
}

fn append_link(archive: &mut tar::Builder<Vec<u8>>, path: &Path, to: &Path) -> std::io::Result<()> {
    archive.append_link(&mut header(EntryType::Symlink, 0), inside(path), to)
}

/// Paths in an archive are relative to the image's root.
fn inside(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

/// The tag of an archive's image: its contents name it.
fn tag(archive: &[u8]) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(archive))
}

/// Whether the engine has the image of an archive.
pub(super) async fn is_there(client: &Client, archive: &[u8]) -> Result<bool, EngineError> {
    is_ours(client, &format!("{REPOSITORY}:{}", tag(archive))).await
}

/// The image of an archive, imported unless the engine has it.
pub(super) async fn ensure(client: &Client, archive: Vec<u8>) -> Result<String, EngineError> {
    let tag = tag(&archive);
    let name = format!("{REPOSITORY}:{tag}");
    if is_ours(client, &name).await? {
        return Ok(name);
    }
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(REPOSITORY)
        .tag(&tag)
        .changes(vec![format!("LABEL {MANAGED}=1")])
        .build();
    let body = bollard::body_full(archive.into());
    let import = async {
        let mut lines = std::pin::pin!(client.docker.create_image(Some(options), Some(body), None));
        while let Some(line) = lines.next().await {
            line?;
        }
        Ok(())
    };
    let error = |why: &dyn std::fmt::Display| client.error("import of the workload image", why);
    within(10 * CALL, import).await.map_err(|why| error(&why))?;
    if is_ours(client, &name).await? {
        return Ok(name);
    }
    Err(error(&format!("it took the image, but {name} with our label is not there")))
}

/// Whether the engine has an image of that name with towtank's label.
async fn is_ours(client: &Client, name: &str) -> Result<bool, EngineError> {
    use bollard::errors::Error::DockerResponseServerError;
    let looking = async {
        match client.docker.inspect_image(name).await {
            Ok(found) => {
                let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
                Ok(labels.get(MANAGED).is_some_and(|value| value == "1"))
            }
            Err(DockerResponseServerError { status_code: 404, .. }) => Ok(false),
            Err(why) => Err(why),
        }
    };
    let found = within(CALL, looking).await;
    found.map_err(|why| client.error("inspection of the workload image", &why))
}

/// Removes the workload images that no container uses; says which. Imports of the same image at the
/// same time leave one without a name.
pub(super) async fn remove_unused(client: &Client) -> Result<Vec<String>, EngineError> {
    let filters = [("label", vec![format!("{MANAGED}=1")])].into_iter().collect();
    let options = ListImagesOptionsBuilder::new().filters(&filters).build();
    let listed = within(CALL, client.docker.list_images(Some(options))).await;
    let listed = listed.map_err(|why| client.error("list of workload images", &why))?;
    let mut removed = Vec::new();
    for image in listed {
        let named = image.repo_tags.into_iter().filter(|name| name != UNNAMED);
        let mut names: Vec<String> = named.collect();
        if names.is_empty() {
            names.push(image.id);
        }
        for name in names {
            if remove(client, &name).await? {
                removed.push(name);
            }
        }
    }
    Ok(removed)
}

/// Removes an image with towtank's label unless a container uses it.
pub(super) async fn remove(client: &Client, name: &str) -> Result<bool, EngineError> {
    if !is_ours(client, name).await? {
        return Ok(false);
    }
    // Without force: the engine keeps what a container uses.
    let options = RemoveImageOptionsBuilder::new().force(false).build();
    let removal = client.docker.remove_image(name, Some(options), None);
    Ok(within(CALL, removal).await.is_ok())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn libraries_are_found_among_all_that_is_mapped() {
        let maps = "\
            55d0-55d1 r--p 00000000 fe:00 1    /usr/bin/towtank\n\
            7f00-7f01 r--p 00000000 fe:00 2    /usr/lib/libc.so.6\n\
            7f01-7f02 r-xp 00000000 fe:00 2    /usr/lib/libc.so.6\n\
            7f02-7f03 r--p 00000000 fe:00 3    /usr/lib/ld-2.31.so\n\
            7f03-7f04 r--p 00000000 fe:00 4    /usr/lib/locale/locale-archive\n\
            7f04-7f05 rw-p 00000000 00:00 0    [heap]\n";
        let found = mapped_libraries(maps);
        assert_eq!(found, ["/usr/lib/ld-2.31.so", "/usr/lib/libc.so.6"].map(PathBuf::from));
    }

    #[test]
    fn the_archive_has_the_executable_and_what_loads_it_and_is_the_same_every_time() {
        let own = std::env::current_exe().unwrap();
        let packed = archive(&own).unwrap();
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(packed.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut data = Vec::new();
            entry.read_to_end(&mut data).unwrap();
            assert_eq!(entry.header().mode().unwrap(), 0o755);
            files.insert(entry.path().unwrap().into_owned(), data);
        }
        let executable = fs::read(&own).unwrap();
        assert!(files[Path::new("towtank")] == executable, "another executable");
        if let Some(loader) = elf::interpreter(&executable).unwrap() {
            let loader = Path::new(&loader);
            assert!(files[inside(loader)] == fs::read(loader).unwrap(), "another loader");
            let libc = files.keys().any(|path| path.to_string_lossy().contains("libc"));
            assert!(libc, "{:?}", files.keys());
        } else {
            assert_eq!(files.len(), 1);
        }
        assert!(archive(&own).unwrap() == packed, "its hash would change");
    }

    #[test]
    fn an_executable_that_is_not_there_or_no_executable_is_an_error_that_names_it() {
        let why = archive(Path::new("/no/such/file")).unwrap_err().to_string();
        assert!(why.contains("/no/such/file"), "{why}");
        let why = archive(Path::new("Cargo.toml")).unwrap_err().to_string();
        assert!(why.contains("no 64-bit ELF file"), "{why}");
    }
}
