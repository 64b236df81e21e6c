//! The text of systemd's unit: `deploy/jigline-station.service`, with what this machine has elsewhere.

use std::path::{Path, PathBuf};

const SHIPPED: &str = include_str!("../../../deploy/jigline-station.service");
/// Where systemd makes the folder by itself (`StateDirectory`).
const USUAL_DATA: &str = "/var/lib/jigline-station";
const USUAL_SETTINGS: &str = "/etc/jigline/station.toml";
const USUAL_GROUP: &str = "dialout";

/// What a machine may have elsewhere.
#[derive(Debug, Clone)]
pub struct UnitPlan {
    pub settings: PathBuf,
    pub data: PathBuf,
    /// The group that serial ports belong to.
    pub group: String,
}

impl UnitPlan {
    /// The unit.
    #[must_use]
    pub fn text(&self) -> String {
        let credential = |path: &str| format!("LoadCredential=station.toml:{path}\n");
        let settings = escaped(&self.settings);
        let mut text = SHIPPED.replace(&credential(USUAL_SETTINGS), &credential(&settings));
        let group = |name: &str| format!("SupplementaryGroups={name}\n");
        text = text.replace(&group(USUAL_GROUP), &group(&self.group));
        if self.data != Path::new(USUAL_DATA) {
            let state = "StateDirectory=jigline-station\nStateDirectoryMode=0700\n";
            // A list of paths: quoted, one with a blank in it is one.
            text = text.replace(state, &format!("ReadWritePaths=\"{}\"\n", escaped(&self.data)));
        }
        text
    }
}

/// A path as a unit takes it: its specifiers begin with a percent sign.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> UnitPlan {
        UnitPlan { settings: USUAL_SETTINGS.into(), data: USUAL_DATA.into(), group: USUAL_GROUP.to_owned() }
    }

    #[test]
    fn where_all_is_in_its_usual_place_the_unit_is_the_shipped_one() {
        assert_eq!(usual().text(), SHIPPED);
        for line in [
            "Type=notify",
            "User=jigline-station",
            "Restart=on-failure",
            "NoNewPrivileges=true",
            "CapabilityBoundingSet=",
            "ProtectSystem=strict",
            "ExecStart=/usr/local/bin/jigline-station service run --config ${CREDENTIALS_DIRECTORY}/station.toml",
        ] {
            assert!(SHIPPED.lines().any(|other| other == line), "{line}");
        }
    }

    #[test]
    fn what_is_elsewhere_is_named() {
        let plan = UnitPlan {
            settings: "/srv/jig 1/100%.toml".into(),
            data: "/srv/my journal".into(),
            group: "uucp".to_owned(),
        };
        let text = plan.text();
        for line in [
            "LoadCredential=station.toml:/srv/jig 1/100%%.toml",
            "ReadWritePaths=\"/srv/my journal\"",
            "SupplementaryGroups=uucp",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}: {text}");
        }
        assert!(
            !text.contains("StateDirectory") && !text.contains("dialout") && !text.contains("/etc/jigline")
        );
    }
}
