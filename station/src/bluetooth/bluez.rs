//! BlueZ, asked over D-Bus (BlueZ 5, doc/org.bluez.Adapter.rst and org.bluez.Device.rst).
//!
//! BlueZ remembers devices that are long gone. Who is near is therefore whoever's signal was told of *while* it listened: `RSSI` in a
//! `PropertiesChanged` or in an `InterfacesAdded`, which come for what the adapter has just received. A name may be one that BlueZ kept from an earlier
//! time; one that the device says now takes its place.

use domain::{fixture::reading::Heard, identifier::normalise_address};
use futures_util::{StreamExt as _, stream::select};
use std::{collections::HashMap, io, time::Duration};
use tokio::time::{Instant, timeout, timeout_at};
use zbus::{
    Connection, MatchRule, Message, MessageStream, OwnedObjectPath, OwnedVariant, Variant,
    connection::Builder, message::Type,
};

const SERVICE: &str = "org.bluez";
const ADAPTER: &str = "org.bluez.Adapter1";
const DEVICE: &str = "org.bluez.Device1";
const OBJECTS: &str = "org.freedesktop.DBus.ObjectManager";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// A service that takes longer than this to answer is none.
const ANSWERS_WITHIN: Duration = Duration::from_secs(3);

type Values = HashMap<String, OwnedVariant>;
type Interfaces = HashMap<String, Values>;
type Objects = HashMap<OwnedObjectPath, Interfaces>;

pub(super) struct Adapter {
    connection: Connection,
    path: OwnedObjectPath,
    address: String,
}

impl Adapter {
    /// The adapter of that name (`hci0`), or where it is empty the only one.
    ///
    /// # Errors
    /// No service, no such adapter, several where none was named, or it is switched off: in words.
    pub async fn find(name: &str, bus: Option<&str>) -> io::Result<Self> {
        let builder = bus.map_or_else(Builder::system, Builder::address);
        let connection = within(builder.build()).await.map_err(|error| {
            io::Error::other(format!("no D-Bus here, over which Bluetooth is asked ({error})"))
        })?;
        let mut found: Vec<(OwnedObjectPath, Values)> = objects(&connection)
            .await
            .map_err(|error| {
                io::Error::other(format!(
                    "no Bluetooth service here: install bluez, start bluetooth.service ({error})"
                ))
            })?
            .into_iter()
            .filter_map(|(path, mut interfaces)| Some((path, interfaces.remove(ADAPTER)?)))
            .collect();
        found.sort_by(|one, other| one.0.as_str().cmp(other.0.as_str()));
        let names: Vec<String> = found.iter().map(|(path, _)| last(path).to_owned()).collect();
        let (path, values) = match name {
            "" if found.len() > 1 => {
                let names = names.join(", ");
                return Err(io::Error::other(format!(
                    "there are {names}: name one, as bluetooth:{}",
                    last(&found[0].0)
                )));
            }
            "" => found.pop(),
            name => found.into_iter().find(|(path, _)| last(path) == name),
        }
        .ok_or_else(|| {
            let here = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            io::Error::other(format!("no such Bluetooth adapter: there is {here} here"))
        })?;
        if !values.get("Powered").and_then(|value| value.downcast_ref::<bool>().ok()).unwrap_or(false) {
            return Err(io::Error::other(format!(
                "Bluetooth adapter {} is switched off: bluetoothctl power on, rfkill unblock bluetooth",
                last(&path)
            )));
        }
        let address = text(&values, "Address").and_then(|address| normalise_address(&address));
        let address = address.ok_or_else(|| io::Error::other("the adapter has no address"))?;
        Ok(Self { connection, path, address })
    }

    /// Twelve upper-case digits.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// All that are heard in so many seconds, each with the strongest signal of it.
    ///
    /// # Errors
    /// The service refuses, or is gone.
    pub async fn listen(&self, seconds: u32) -> io::Result<Vec<Heard>> {
        // Before it begins, so that the first one is not missed.
        let changed =
            self.signals(MatchRule::builder().path_namespace(self.path.clone()), PROPERTIES).await?;
        let added = self.signals(MatchRule::builder().path("/"), OBJECTS).await?;
        let filter =
            HashMap::from([("Transport", Variant::from("auto")), ("DuplicateData", Variant::from(true))]);
        self.tell("SetDiscoveryFilter", &(filter,)).await?;
        self.tell("StartDiscovery", &()).await?;
        let heard = self.collect(select(changed, added), Duration::from_secs(seconds.into())).await;
        // Names first: what is not paired is forgotten some time after it has stopped.
        let heard = match heard {
            Ok(heard) => self.named(heard).await,
            Err(error) => Err(error),
        };
        let stopped = self.tell("StopDiscovery", &()).await;
        heard.and_then(|heard| stopped.map(|()| heard))
    }

    async fn signals(
        &self,
        rule: zbus::match_rule::Builder<'_>,
        interface: &'static str,
    ) -> io::Result<MessageStream> {
        let rule = rule.msg_type(Type::Signal).interface(interface).build().map_err(io::Error::other)?;
        within(MessageStream::for_match_rule(rule, &self.connection, None)).await
    }

    async fn collect(
        &self,
        mut signals: impl futures_util::Stream<Item = zbus::Result<Message>> + Unpin,
        listens: Duration,
    ) -> io::Result<HashMap<String, i16>> {
        let deadline = Instant::now() + listens;
        let mut heard: HashMap<String, i16> = HashMap::new();
        loop {
            let message = match timeout_at(deadline, signals.next()).await {
                Err(_over) => return Ok(heard),
                Ok(None) => return Err(io::Error::other("the Bluetooth service is gone")),
                Ok(Some(message)) => message.map_err(io::Error::other)?,
            };
            if let Some((path, dbm)) = signal_of(&message)
                // `hci1` is no beginning of `hci10`.
                && path.strip_prefix(self.path.as_str()).is_some_and(|device| device.starts_with('/'))
            {
                heard.entry(path).and_modify(|known| *known = dbm.max(*known)).or_insert(dbm);
            }
        }
    }

    async fn named(&self, heard: HashMap<String, i16>) -> io::Result<Vec<Heard>> {
        let objects = objects(&self.connection).await?;
        let mut all: Vec<Heard> = objects
            .into_iter()
            .filter_map(|(path, interfaces)| {
                let rssi_dbm = i32::from(*heard.get(path.as_str())?);
                let values = interfaces.get(DEVICE)?;
                let address = normalise_address(&text(values, "Address")?)?;
                Some(Heard { address, rssi_dbm, name: text(values, "Name").unwrap_or_default() })
            })
            .collect();
        all.sort_by(|one, other| one.address.cmp(&other.address));
        Ok(all)
    }

    async fn tell<B>(&self, method: &'static str, body: &B) -> io::Result<()>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        let path = self.path.as_str();
        within(self.connection.call_method(Some(SERVICE), path, Some(ADAPTER), method, body)).await.map(drop)
    }
}

/// A device whose signal was told of, dBm.
fn signal_of(message: &Message) -> Option<(String, i16)> {
    let header = message.header();
    let (path, values) = match header.member()?.as_str() {
        "PropertiesChanged" => {
            let (interface, values, _gone): (String, Values, Vec<String>) =
                message.body().deserialize().ok()?;
            (header.path()?.to_string(), Some(values).filter(|_| interface == DEVICE)?)
        }
        "InterfacesAdded" => {
            let (path, mut interfaces): (OwnedObjectPath, Interfaces) = message.body().deserialize().ok()?;
            (path.to_string(), interfaces.remove(DEVICE)?)
        }
        _ => return None,
    };
    Some((path, values.get("RSSI")?.downcast_ref::<i16>().ok()?))
}

async fn objects(connection: &Connection) -> io::Result<Objects> {
    let answer = connection.call_method(Some(SERVICE), "/", Some(OBJECTS), "GetManagedObjects", &());
    within(answer).await?.body().deserialize().map_err(io::Error::other)
}

async fn within<T>(asked: impl Future<Output = zbus::Result<T>>) -> io::Result<T> {
    let answer = timeout(ANSWERS_WITHIN, asked).await;
    answer
        .map_err(|_late| io::Error::other("the Bluetooth service does not answer"))?
        .map_err(io::Error::other)
}

fn text(values: &Values, name: &str) -> Option<String> {
    values.get(name)?.downcast_ref::<String>().ok()
}

fn last(path: &OwnedObjectPath) -> &str {
    path.as_str().rsplit('/').next().unwrap_or_default()
}
