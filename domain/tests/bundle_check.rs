//! A bundle is whole or it is nothing: each byte of each part, flipped, is found.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use chrono::DateTime;
use ed25519_dalek::{Signer as _, SigningKey};
use jigline_domain::{
    bundle::{BundleContent, BundleFault, BundleManifest, FileRef, FirmwareRef, Release, SignedRelease},
    ids::ContentHash,
};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn release_of(bundle: ContentHash, submitted_by: &str, approved_by: &str) -> Release {
    Release {
        bundle,
        submitted_by: submitted_by.to_owned(),
        approved_by: approved_by.to_owned(),
        approved_at: DateTime::from_timestamp(1_795_000_000, 0).unwrap(),
    }
}

fn signed(release: Release, key: &SigningKey) -> SignedRelease {
    let signature = hex::encode(key.sign(&release.bytes()).to_bytes());
    SignedRelease { release, signature }
}

fn bundle() -> BundleContent {
    let file = |id: &str, text: &str| FileRef {
        id: id.to_owned(),
        revision: 1,
        sha256: ContentHash::of(text.as_bytes()),
    };
    let image: Vec<u8> = (0..64).collect();
    let manifest = BundleManifest {
        model: file("m", "the model"),
        profile: file("p", "the profile"),
        procedure: file("b", "the procedure"),
        firmware: Some(FirmwareRef {
            version: "V1.9".to_owned(),
            bytes: 64,
            sha256: ContentHash::of(&image),
            crc32: 1,
        }),
        label: Some(file("l", "the label")),
    };
    BundleContent {
        release: signed(release_of(manifest.hash(), "engineer", "quality"), &key(7)),
        manifest,
        model_toml: "the model".to_owned(),
        profile_toml: "the profile".to_owned(),
        procedure_toml: "the procedure".to_owned(),
        image_hex: hex::encode(image),
        label_toml: "the label".to_owned(),
    }
}

fn check(bundle: &BundleContent) -> Result<Option<Vec<u8>>, BundleFault> {
    bundle.check(&self::bundle().manifest.hash(), &key(7).verifying_key())
}

/// `text` with the byte at `at` made another one, still ASCII.
fn flipped(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] ^= 1;
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_whole_bundle_gives_its_image() {
    assert_eq!(check(&bundle()).unwrap(), Some((0..64).collect::<Vec<u8>>()));
}

#[test]
fn a_flipped_byte_in_any_part_is_found_and_the_part_is_named() {
    type Part = fn(&mut BundleContent) -> &mut String;
    let parts: [(&str, Part); 5] = [
        ("device model", |bundle| &mut bundle.model_toml),
        ("profile", |bundle| &mut bundle.profile_toml),
        ("procedure", |bundle| &mut bundle.procedure_toml),
        ("image", |bundle| &mut bundle.image_hex),
        ("label", |bundle| &mut bundle.label_toml),
    ];
    for (name, part) in parts {
        let length = part(&mut bundle()).len();
        for at in 0..length {
            let mut spoilt = bundle();
            let text = part(&mut spoilt);
            *text = flipped(text, at);
            let fault = check(&spoilt).unwrap_err();
            let found = matches!(&fault, BundleFault::ContentDiffers { part, .. } if *part == name)
                || name == "image" && fault == BundleFault::ImageNotHex;
            assert!(found, "{name} byte {at}: {fault}");
        }
        let mut short = bundle();
        part(&mut short).truncate(length - 2);
        assert!(check(&short).is_err(), "{name} cut short");
    }
}

#[test]
fn a_changed_manifest_is_another_bundle() {
    let changes: [fn(&mut BundleManifest); 10] = [
        |manifest| manifest.label.as_mut().unwrap().revision += 1,
        |manifest| manifest.label = None,
        |manifest| manifest.model.revision += 1,
        |manifest| manifest.profile.id.push('x'),
        |manifest| manifest.profile.revision += 1,
        |manifest| manifest.procedure.sha256 = ContentHash::of(b"another"),
        |manifest| manifest.firmware.as_mut().unwrap().version.push('9'),
        |manifest| manifest.firmware.as_mut().unwrap().bytes += 1,
        |manifest| manifest.firmware.as_mut().unwrap().crc32 ^= 1,
        |manifest| manifest.firmware = None,
    ];
    for change in changes {
        let mut spoilt = bundle();
        change(&mut spoilt.manifest);
        assert!(matches!(check(&spoilt), Err(BundleFault::HashDiffers { .. })));
    }
}

#[test]
fn a_changed_release_or_signature_does_not_count() {
    let changes: [fn(&mut Release); 3] = [
        |release| release.submitted_by.push('x'),
        |release| release.approved_by.push('x'),
        |release| release.approved_at += chrono::TimeDelta::seconds(1),
    ];
    for change in changes {
        let mut spoilt = bundle();
        change(&mut spoilt.release.release);
        assert_eq!(check(&spoilt), Err(BundleFault::BadSignature));
    }
    for at in 0..bundle().release.signature.len() {
        let mut spoilt = bundle();
        spoilt.release.signature = flipped(&spoilt.release.signature, at);
        assert_eq!(check(&spoilt), Err(BundleFault::BadSignature), "signature digit {at}");
    }
    let mut empty = bundle();
    empty.release.signature.clear();
    assert_eq!(check(&empty), Err(BundleFault::BadSignature));
}

#[test]
fn only_the_servers_key_releases_and_it_takes_two_people() {
    let hash = bundle().manifest.hash();
    let with = |release| check(&BundleContent { release, ..bundle() });
    let strangers = signed(release_of(hash.clone(), "engineer", "quality"), &key(8));
    assert_eq!(with(strangers), Err(BundleFault::BadSignature));
    let alone = signed(release_of(hash.clone(), "engineer", "engineer"), &key(7));
    assert_eq!(with(alone), Err(BundleFault::OnePerson("engineer".to_owned())));
    let other = ContentHash::of(b"another bundle");
    let others = signed(release_of(other.clone(), "engineer", "quality"), &key(7));
    assert_eq!(with(others), Err(BundleFault::ReleaseOfAnother(other.clone())));
    let expected = bundle().check(&other, &key(7).verifying_key());
    assert!(matches!(expected, Err(BundleFault::HashDiffers { .. })));
}

#[test]
fn a_bundle_without_an_image_is_whole_and_takes_none_that_it_does_not_name() {
    let with_image = bundle().manifest.hash();
    let mut content = bundle();
    (content.manifest.firmware, content.image_hex) = (None, String::new());
    let hash = content.manifest.hash();
    assert_ne!(hash, with_image);
    content.release = signed(release_of(hash.clone(), "engineer", "quality"), &key(7));
    let key = key(7).verifying_key();
    assert_eq!(content.check(&hash, &key), Ok(None));
    assert_eq!(content.manifest.reference().firmware_version, "");
    // It travels without the fields, and comes back the same.
    let json = serde_json::to_string(&content.manifest).unwrap();
    assert!(!json.contains("firmware"), "{json}");
    assert_eq!(serde_json::from_str::<BundleManifest>(&json).unwrap(), content.manifest);
    content.image_hex = "00".to_owned();
    assert_eq!(content.check(&hash, &key), Err(BundleFault::ImageNotNamed));
}
