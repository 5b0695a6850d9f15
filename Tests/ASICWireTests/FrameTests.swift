import ASICWire
import TestSupport
import Testing

// Source: bm13xx.md §3.3, worked examples, and the check string of CRC-16/CCITT-FALSE.
let crc5Vectors: [(body: String, crc: UInt8)] = [
    ("52 05 00 00", 0x0A),  // read CHIP_ID, every chip
    ("53 05 00 00", 0x03),  // chain inactive
    ("40 05 04 00", 0x03),  // set address 0x04
    ("40 05 08 00", 0x07),  // set address 0x08
    ("51 09 00 A4 90 00 FF FF", 0x1C),  // version rolling, all 16 bits
]

@Test(arguments: crc5Vectors)
func `CRC-5 matches what shipping firmware sends`(body: String, crc: UInt8) {
    #expect(crc5(hex(body)) == crc)
}

@Test func `CRC-16 gives the standard check value`() {
    #expect(crc16(Array("123456789".utf8)) == 0x29b1)
    #expect(crc16([]) == 0xffff)
}

let commandVectors: [(frame: String, command: ChipCommand)] = [
    ("55AA 5205 0000 0A", .read(register: 0x00, from: .everyChip)),
    ("55AA 5305 0000 03", .chainInactive),
    ("55AA 4005 0800 07", .setAddress(0x08)),
    ("55AA 5109 00A4 9000FFFF 1C", .write(register: 0xA4, value: 0x9000_FFFF, to: .everyChip)),
    ("55AA 4109 00A8 000701F0 15", .write(register: 0xA8, value: 0x0007_01F0, to: .chip(0))),
]

@Test(arguments: commandVectors)
func `a command encodes to the frame that drivers send, and decodes back`(frame: String, command: ChipCommand)
{
    #expect(command.wireBytes() == hex(frame))
    #expect(decodeCommand(hex(frame)[...]) == .frame(command, length: hex(frame).count))
}

// Sources: a Bitaxe Gamma and a Bitaxe Supra (captured nonces), an S19j Pro (BM1362, address DC).
let nonceVectors: [(frame: String, nonce: UInt32, jobByte: UInt8, counter: UInt16)] = [
    ("AA 55 4C 03 52 75 0C D2 05 A2 9C", 0x7552_034C, 0xD2, 0x05A2),
    ("AA 55 66 00 CB 32 02 F9 23 39 91", 0x32CB_0066, 0xF9, 0x2339),
    ("AA 55 6D B8 8E E1 01 04 03 54 94", 0xE18E_B86D, 0x04, 0x0354),
]

@Test(arguments: nonceVectors)
func `a captured nonce decodes, and encodes back`(
    frame: String, nonce: UInt32, jobByte: UInt8, counter: UInt16
) {
    let bytes = hex(frame)
    guard case .frame(.nonce(let found), 11) = decodeResponse(bytes[...], .long) else {
        Issue.record("not a nonce")
        return
    }
    #expect(found.nonce == nonce)
    #expect(found.jobByte == jobByte)
    #expect(found.versionCounter == counter)
    #expect(ChipResponse.nonce(found).wireBytes(.long) == bytes)
}

@Test func `a frame behind a corrupt byte is found without waiting for more`() {
    let id = hex("AA 55 13 70 00 00 00 00 00 00 10")
    var stream = hex("AA 55 13 71 00 00 00 00 00 00 10") + hex("AA") + id
    var found = [ChipResponse]()
    loop: while true {
        switch decodeResponse(stream[...], .long) {
        case .frame(let response, let length):
            found.append(response)
            stream.removeFirst(length)
        case .skip(let count): stream.removeFirst(count)
        case .needMore: break loop
        }
    }
    #expect(found == [.register(RegisterValue(value: 0x1370_0000, chipAddress: 0, register: 0))])
    #expect(stream.isEmpty)
}
