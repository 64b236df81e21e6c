//! What the judges read: the board as it is, not as anybody says it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};

use domain::model::DeviceModel;
use serde::{Deserialize, Serialize};

use crate::{
    board::Mode,
    disturbance::Struck,
    faults::{Expected, Fault},
    memory::Stored,
    places::{Place, in_places},
};

/// Everything about a board at one moment.
#[derive(Clone)]
pub struct Observation {
    pub mode: Mode,
    /// Which program answered last: for a board that has no power any more, the one it was left in.
    pub left_in: Mode,
    /// What the board works with, by place: raw words, or bytes where an address of the model is a whole field (the field's number high,
    /// the byte within it low).
    pub registers: BTreeMap<u16, u16>,
    /// The same after a restart.
    pub registers_kept: BTreeMap<u16, u16>,
    /// The password it would have after a restart.
    pub password: String,
    pub gain: f64,
    pub calibrated: bool,
    /// By how much the current that it would show after a restart is wrong, percent of the true one.
    pub current_error_percent: f64,
    /// What it would work with after a restart, by the names of the model's parameters.
    pub parameters: BTreeMap<String, String>,
    /// The image as it lies in the flash.
    pub flash_image: Option<Vec<u8>>,
    /// Whether that image passes its own test.
    pub boots: bool,
    /// Requests answered.
    pub frames: u64,
    /// Requests that came while it was busy or storing, and were lost.
    pub ignored_frames: u64,
    pub register_writes: u64,
    pub restarts: u64,
    /// Places that somebody read since it started last.
    pub read_since_start: BTreeSet<u16>,
    /// Whether anything that it keeps was changed since it started last.
    pub changed_since_start: bool,
    /// What struck it and its line, and how often.
    pub struck: Struck,
    pub holds: Holds,
}

impl Observation {
    /// The raw value that a register of the board's model has after a restart; none: the model has none of that name.
    #[must_use]
    pub fn raw(&self, model: &DeviceModel, name: &str) -> Option<Vec<u16>> {
        let own = own_of(model, name)?;
        Some(self.kept().raw(&own, own.register(name)?))
    }

    /// The same as text.
    #[must_use]
    pub fn text(&self, model: &DeviceModel, name: &str) -> Option<String> {
        let own = own_of(model, name)?;
        Some(self.kept().text(&own, own.register(name)?))
    }

    /// Whether somebody read all of that register since the board started last; none: the model has none of that name.
    #[must_use]
    pub fn was_read(&self, model: &DeviceModel, name: &str) -> Option<bool> {
        let own = own_of(model, name)?;
        let mut places = Place::of(&own).all(own.register(name)?);
        Some(places.all(|place| self.read_since_start.contains(&place)))
    }

    fn kept(&self) -> Stored {
        Stored {
            words: self.registers_kept.clone(),
            password: self.password.clone(),
            gain: self.gain,
            calibrated: self.calibrated,
        }
    }
}

/// The model by places, where it has such a register.
fn own_of(model: &DeviceModel, name: &str) -> Option<Arc<DeviceModel>> {
    model.register(name)?;
    Some(in_places(Arc::new(model.clone())))
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation")
            .field("mode", &self.mode)
            .field("holds", &self.holds)
            .finish_non_exhaustive()
    }
}

/// The part of it that stands in `observer.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Holds {
    pub name: Option<String>,
    /// Version text of the image, none where the image does not start.
    pub firmware_version: Option<String>,
    /// CRC-32 (IEEE) over the whole image, none where it does not start.
    pub firmware_crc32: Option<u32>,
    pub lease_mode: Option<String>,
    /// The charge path really is closed.
    pub charge_on: bool,
    /// The discharge path really is closed.
    pub discharge_on: bool,
    pub password_is_factory: bool,
}

/// One board of the batch, as it stands in `observer.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witnessed {
    pub index: u32,
    pub fault: Option<Fault>,
    pub machine_code: String,
    pub bluetooth_address: String,
    pub expected: Expected,
    /// Slot in which it lies or lay, counted from 1.
    #[serde(default)]
    pub slot: Option<u32>,
    pub inserted: bool,
    pub removed: bool,
    /// The last lamp that the station showed for it.
    pub lamp: Option<String>,
    pub holds: Holds,
    /// Requests that it answered, and that it lost because it was storing.
    #[serde(default)]
    pub frames: u64,
    #[serde(default)]
    pub ignored_frames: u64,
    /// The load on its slot when it was last looked at, milliamperes: what it was taken out under.
    #[serde(default)]
    pub load_ma: u32,
}

/// What a board left the line with, beyond [`Holds`]: one file a board, `kept/INDEX.json` beside the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    pub parameters: BTreeMap<String, String>,
    pub calibrated: bool,
    pub current_error_percent: f64,
}

impl Kept {
    #[must_use]
    pub fn of(observation: &Observation) -> Self {
        Self {
            parameters: observation.parameters.clone(),
            calibrated: observation.calibrated,
            current_error_percent: observation.current_error_percent,
        }
    }
}

/// What a board without power keeps: written down when a jig stops in mid-batch, so that the same board comes back.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    pub index: u32,
    registers: BTreeMap<u16, u16>,
    /// As bytes: nobody who searches the jig's folder for a password shall find one that never left the board.
    password: Vec<u8>,
    gain: f64,
    calibrated: bool,
    /// The announced part of the flash, in hex.
    image: Option<String>,
}

impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").field("index", &self.index).finish_non_exhaustive()
    }
}

impl Remembered {
    /// What is left of the observed board without power.
    #[must_use]
    pub fn of(index: u32, observation: &Observation) -> Self {
        let hex = |image: &Vec<u8>| image.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            index,
            registers: observation.registers_kept.clone(),
            password: observation.password.clone().into_bytes(),
            gain: observation.gain,
            calibrated: observation.calibrated,
            image: observation.flash_image.as_ref().map(hex),
        }
    }

    /// What its memory keeps.
    #[must_use]
    pub fn stored(&self) -> Stored {
        Stored {
            words: self.registers.clone(),
            password: String::from_utf8_lossy(&self.password).into_owned(),
            gain: self.gain,
            calibrated: self.calibrated,
        }
    }

    /// What lies in its flash, as long as its loader was told; none: nothing was announced, or the hex is none.
    #[must_use]
    pub fn image(&self) -> Option<Vec<u8>> {
        let hex = self.image.as_ref()?;
        let digits = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        (0..hex.len()).step_by(2).map(digits).collect()
    }
}

/// Puts the list in place of the old one at one stroke.
///
/// # Errors
/// What the file system says.
pub fn write_observer(path: &Path, boards: &[Witnessed]) -> io::Result<()> {
    replace(path, boards)
}

/// Writes down what the boards in the slots keep.
///
/// # Errors
/// What the file system says.
pub fn write_remembered(path: &Path, boards: &[Remembered]) -> io::Result<()> {
    replace(path, boards)
}

/// Writes down what one board left the line with. `list` is the path of the observer's list.
///
/// # Errors
/// What the file system says.
pub fn write_kept(list: &Path, index: u32, kept: &Kept) -> io::Result<()> {
    let folder = list.with_file_name("kept");
    fs::create_dir_all(&folder)?;
    replace(&folder.join(format!("{index}.json")), kept)
}

/// What an earlier jig wrote down; empty where it wrote nothing.
///
/// # Errors
/// What the file system says, or where the file is no such list.
pub fn read_remembered(path: &Path) -> io::Result<Vec<Remembered>> {
    match fs::read(path) {
        Ok(text) => Ok(serde_json::from_slice(&text)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn replace<T: Serialize + ?Sized>(path: &Path, what: &T) -> io::Result<()> {
    let fresh = path.with_extension("json.new");
    let mut text = serde_json::to_vec_pretty(what)?;
    text.push(b'\n');
    // What the boards hold is for its owner's eyes.
    let mut file = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(&text)?;
    fs::rename(&fresh, path)
}

/// The list of an earlier jig.
///
/// # Errors
/// What the file system says, or where the file is no such list.
pub fn read_observer(path: &Path) -> io::Result<Vec<Witnessed>> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}
