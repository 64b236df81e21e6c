use super::*;
use proptest::prelude::*;

fn record(kind: u8, offset: u16, data: &[u8]) -> String {
    let [high, low] = offset.to_be_bytes();
    let mut bytes = vec![data.len() as u8, high, low, kind];
    bytes.extend(data);
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes.push(0_u8.wrapping_sub(sum));
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!(":{digits}\n")
}

const END: &str = ":00000001FF\n";

#[test]
fn the_published_example_record_reads_as_documented() {
    let text = format!(":10010000214601360121470136007EFE09D2190140\n{END}");
    let image = parse_intel_hex(&text, 0xFF).unwrap();
    assert_eq!(image.start, 0x0100);
    assert_eq!(image.bytes[..4], [0x21, 0x46, 0x01, 0x36]);
    assert_eq!(image.bytes.len(), 16);
}

#[test]
fn gaps_are_filled_and_the_upper_address_counts() {
    let text = [record(4, 0, &[0x08, 0x00]), record(0, 0x3000, &[1, 2]), record(0, 0x3004, &[3]), END.into()]
        .concat();
    assert_eq!(
        parse_intel_hex(&text, 0xFF),
        Ok(HexImage { start: 0x0800_3000, bytes: vec![1, 2, 0xFF, 0xFF, 3], filled: 2 })
    );
}

#[test]
fn every_fault_names_its_line() {
    let good = record(0, 0, &[1]);
    let fault = |text: String| parse_intel_hex(&text, 0).unwrap_err();
    assert_eq!(fault(format!("{good}hello\n{END}")), HexFault::Syntax { line: 2 });
    assert_eq!(fault(format!("{good}:0300\n{END}")), HexFault::Length { line: 2 });
    assert_eq!(fault(format!("{good}:0100000002FC\n{END}")), HexFault::Checksum { line: 2 });
    assert_eq!(fault(format!("{good}{good}{END}")), HexFault::Twice { line: 2, address: 0 });
    assert_eq!(fault(format!("{good}{}{END}", record(9, 0, &[]))), HexFault::Kind { line: 2, kind: 9 });
    assert_eq!(fault(format!("{END}{good}")), HexFault::Syntax { line: 2 });
    assert_eq!(fault(good), HexFault::NoEnd);
    assert_eq!(fault(END.into()), HexFault::Empty);
}

#[test]
fn a_stray_byte_far_away_is_named_instead_of_filling_the_memory() {
    let text = [record(0, 0, &[1]), record(4, 0, &[0x80, 0x00]), record(0, 0, &[1]), END.into()].concat();
    assert_eq!(parse_intel_hex(&text, 0), Err(HexFault::Span(0x8000_0001)));
}

proptest! {
    #[test]
    fn any_image_written_in_any_order_reads_back(
        bytes in proptest::collection::vec(any::<u8>(), 1..600), start in 0_u16..0x8000, backwards in any::<bool>(),
    ) {
        let mut records: Vec<String> = bytes
            .chunks(16)
            .enumerate()
            .map(|(index, chunk)| record(0, start + 16 * index as u16, chunk))
            .collect();
        if backwards {
            records.reverse();
        }
        records.push(END.into());
        prop_assert_eq!(
            parse_intel_hex(&records.concat(), 0xFF),
            Ok(HexImage { start: u32::from(start), bytes, filled: 0 })
        );
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[:0-9A-Fa-f\r\nx]{0,200}") {
        let _ = parse_intel_hex(&text, 0);
    }
}
