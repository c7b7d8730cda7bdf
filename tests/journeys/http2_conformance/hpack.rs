//! Compressed fields that cannot be read (RFC 7541): the connection ends, for its state is lost.

use super::*;

/// A request whose head is followed by these bytes.
fn head(rest: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &[&GET[..], rest].concat())
}

#[test]
fn fields_that_cannot_be_read_end_the_connection() {
    let before = |first: &[u8]| frame(HEADERS, END_STREAM | END_HEADERS, 1, &[first, &GET].concat());
    check(vec![
        connection("2.3.3 an index that is not there", COMPRESSION, head(&[0xff, 0x00])).but(Connection(PROTOCOL)),
        connection("2.3.3 a name by an index that is not there", COMPRESSION, head(&[0x7f, 0x10, 1, b'v']))
            .but(Connection(PROTOCOL)),
        connection("4.2 the table's size after a field", COMPRESSION, head(&[0x20])).but(Connection(PROTOCOL)),
        connection("5.2 a string that ends too early", COMPRESSION, head(&[0, 1, b'n', 9, b'v']))
            .but(Connection(PROTOCOL)),
        connection("5.2 padding of Huffman code of 8 bits", COMPRESSION, head(&[0, 1, b'n', 0x82, 0x1f, 0xff]))
            .but(Connection(PROTOCOL)),
        connection("5.2 padding with zeros", COMPRESSION, head(&[0, 1, b'n', 0x81, 0x18])).but(Connection(PROTOCOL)),
        connection("5.2 the end of a string inside", COMPRESSION, head(&[0, 1, b'n', 0x84, 0xff, 0xff, 0xff, 0xff]))
            .but(Connection(PROTOCOL)),
        connection("6.1 index 0", COMPRESSION, head(&[0x80])).but(Connection(PROTOCOL)),
        connection("6.3 a greater table than allowed", COMPRESSION, before(&[0x3f, 0xe1, 0xff, 0x03]))
            .but(Connection(PROTOCOL)),
        connection(
            "5.1 a number without end",
            COMPRESSION,
            head(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        )
        .but(Connection(PROTOCOL)),
        connection("RFC 9113 4.3 a block that breaks off", COMPRESSION, head(&[0x40])).but(Connection(PROTOCOL)),
        served("6.3 a table of nothing", before(&[0x20])),
        served("4.2 smaller, then as large as before", before(&[0x20, 0x3f, 0xe1, 0x1f])),
        served("6.2.1 a field that is added", head(&[0x40, 1, b'n', 1, b'v', 0xbe])),
        served("6.2.3 a field that is never added", head(&[0x10, 1, b'n', 1, b'v'])),
    ]);
}
