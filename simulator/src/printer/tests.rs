//! The printer against what the makers' manuals print as examples, typed here.

use super::*;

fn printed(printer: &mut Printer) -> Label {
    printer.print_next().cloned().expect("a label comes out")
}

#[test]
fn a_format_as_the_guide_writes_them_comes_out_whatever_pieces_it_comes_in() {
    let format = b"^XA^PW300^LL120^FO20,10^A0N,30,20^FDHello^FS^FO20,60^BY2^BCN,40,N,N,N,A^FDAB-1^FS^FO250,10^GB30,30,30^FS^XZ";
    for size in [1, 7, format.len()] {
        let mut printer = Printer::new(Language::Zpl, 8);
        for piece in format.chunks(size) {
            assert!(printer.receive(piece).is_empty());
        }
        let label = printed(&mut printer);
        assert_eq!(label.complaints, Vec::<String>::new());
        assert_eq!((label.texts, label.codes), (vec!["Hello".to_owned()], vec!["AB-1".to_owned()]));
        assert_eq!(label.picture.size(), (300, 120));
        assert!(
            label.picture.is_black(250, 10)
                && label.picture.is_black(279, 39)
                && !label.picture.is_black(280, 39)
        );
        assert!(printer.print_next().is_none());
    }
}

#[test]
fn hexadecimal_within_a_field_and_a_graphic_are_what_they_stand_for() {
    let mut printer = Printer::new(Language::Zpl, 8);
    let none =
        printer.receive(b"^XA^FO0,0^A0N,20^FH_^FDa_5Eb_7Ec_5Fd^FS^FO8,100^GFA,4,4,2,8001FFFF^FS^PQ2^XZ");
    assert!(none.is_empty());
    let label = printed(&mut printer);
    assert_eq!(label.texts, ["a^b~c_d"]);
    assert!(
        label.picture.is_black(8, 100) && !label.picture.is_black(9, 100) && label.picture.is_black(23, 100)
    );
    assert!((8..24).all(|x| label.picture.is_black(x, 101)));
    assert_eq!(printed(&mut printer), label, "two of them were asked for");
}

#[test]
fn what_it_does_not_know_and_what_falls_beside_the_label_is_complained_of() {
    let mut printer = Printer::new(Language::Zpl, 8);
    printer.receive(b"^XA^PW100^LL50^FO90,10^GB20,10,10^FS^ZZ1^FO0,0^FDnaked^FS^XZ");
    let complaints = printed(&mut printer).complaints;
    assert_eq!(complaints, ["^ZZ1", "a field that draws nothing", "100 dots beside the label"]);
}

#[test]
fn out_of_paper_it_keeps_what_it_was_sent_and_says_so_when_it_is_asked() {
    let mut printer = Printer::new(Language::Zpl, 8);
    printer.troubles.paper_out = true;
    printer.receive(b"^XA^FO0,0^GB9,9,9^FS^XZ");
    assert!(printer.print_next().is_none());
    let said = String::from_utf8(printer.receive(b"~HS")).unwrap();
    assert_eq!(said.lines().count(), 3);
    assert!(said.starts_with("\u{2}030,1,0,"), "{said}");
    assert!(said.contains(",00000001,"), "{said}");
    printer.troubles = Troubles { mute: true, ..Troubles::default() };
    assert!(printer.receive(b"~HS").is_empty());
    assert!(printer.print_next().is_some());
    printer.receive(b"^XA^FO0,0^GB9,9,9^FS^XZ");
    printer.power_cycle();
    assert_eq!((printer.waiting(), printer.printed().len()), (0, 1));
}

#[test]
fn lines_as_the_other_manual_writes_them_come_out() {
    let mut printer = Printer::new(Language::Tspl, 8);
    let mut job = b"SIZE 40 mm,15 mm\r\nGAP 2 mm,0 mm\r\nDIRECTION 1\r\nREFERENCE 0,0\r\nCLS\r\n".to_vec();
    job.extend_from_slice(
        b"TEXT 10,10,\"3\",0,1,2,\"say \\[\"]hi\\[\"], you\"\r\nBAR 0,100,320,4\r\nBITMAP 16,60,2,2,0,",
    );
    // Line ends among the dots are dots.
    job.extend_from_slice(&[0x0D, 0x0A, 0xFF, 0x7F]);
    job.extend_from_slice(b"\r\nBARCODE 10,62,\"128\",30,0,0,2,2,\"A1\"\r\nPRINT 1,1\r\n\x1b!?");
    for size in [1, 5, job.len()] {
        let mut printer = Printer::new(Language::Tspl, 8);
        let answers: Vec<u8> = job.chunks(size).flat_map(|piece| printer.receive(piece)).collect();
        assert_eq!(answers, [0x20], "it is printing");
        let label = printed(&mut printer);
        assert_eq!(label.complaints, Vec::<String>::new(), "in pieces of {size}");
        assert_eq!(
            (label.picture.size(), label.texts.as_slice()),
            ((320, 120), &["say \"hi\", you".to_owned()][..])
        );
        assert_eq!(label.codes, ["A1"]);
        assert!(
            label.picture.is_black(16, 60) && !label.picture.is_black(20, 60),
            "0Dh is 0000 1101, a set bit white"
        );
        // 7Fh in the second byte of the second row: one black dot.
        assert!(
            label.picture.is_black(24, 61)
                && !label.picture.is_black(25, 61)
                && !label.picture.is_black(16, 61)
        );
    }
    printer.troubles = Troubles { paper_out: true, head_open: true, ..Troubles::default() };
    assert_eq!(printer.receive(b"\x1b!?"), [0x05]);
    printer.receive(b"SIZE 1 inch\r\nMOON 1\r\nCLS\r\nDMATRIX 0,0,9,9,y3,\"x\"\r\nPRINT 1\r\n");
    printer.troubles = Troubles::default();
    assert_eq!(printed(&mut printer).complaints, ["SIZE 1 inch", "MOON 1", "DMATRIX 0,0,9,9,y3,\"x\""]);
}

#[test]
fn no_bytes_bring_it_down() {
    for seed in 0_u64..300 {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let words = [
            "^XA",
            "^XZ",
            "~HS",
            "^FO1,2",
            "^GFA,2,2,1,FF",
            "^FS",
            "BITMAP 1,1,2,2,0,",
            "CLS\n",
            "PRINT 1\n",
            "^BQN,2,3^FDM",
            "\"",
        ];
        let mut bytes = Vec::new();
        for _ in 0..40 {
            match next() % 3 {
                0 => bytes.push(next() as u8),
                _ => bytes.extend_from_slice(words[next() as usize % words.len()].as_bytes()),
            }
        }
        for language in [Language::Zpl, Language::Tspl] {
            let mut printer = Printer::new(language, 8);
            bytes.chunks(3).for_each(|piece| drop(printer.receive(piece)));
            while printer.print_next().is_some() {}
        }
    }
}
