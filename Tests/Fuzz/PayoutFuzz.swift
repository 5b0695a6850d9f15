// Fuzz entry for what owners write as a payout: addresses, descriptors, extended keys, and the saved index. Built in one
// module with the files of Payouts, and with PayoutFuzzCrypto as the module Crypto.
//
// Input: one byte that says what the others are (text, the payload of a Base58 or Bech32 text, a descriptor without its
// checksum, a record), then they. Whatever stands there is refused with a sentence that repeats no more than a character
// of it, or read; and what is read writes itself back as the same.

import BitcoinPrimitives

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 0 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let network = BitcoinNetwork.allCases[Int(start[0] >> 4) % 3]
    let text = String(decoding: bytes, as: UTF8.self)
    switch start[0] % 6 {
    case 0: read(text, on: network)
    // Texts whose checksum is right, so that more than the checksum is looked at.
    case 1: read(Base58Check.encode(Array(bytes.prefix(90))), on: network)
    case 2:
        let prefix = ["bc", "tb", "bcrt", "tc"][Int(start[0] >> 6)]
        let groups = bytes.prefix(78).map { $0 & 31 }
        for variant in [Bech32.Variant.bech32, .bech32m] {
            read(Bech32.encode(Bech32.Text(prefix: prefix, groups: groups, variant: variant)), on: network)
        }
    case 3:
        guard DescriptorChecksum.badCharacter(in: text) == nil else { break }
        read("\(text)#\(DescriptorChecksum.of(text))", on: network)
    case 4:
        read("wpkh(\(Base58Check.encode(Array(bytes.prefix(78))))\(path(bytes.dropFirst(78))))", on: network)
    default: readRecord(text)
    }
    return 0
}

/// Steps behind an extended key.
private func path(_ bytes: ArraySlice<UInt8>) -> String {
    let steps = ["0", "1", "2147483647", "2147483648", "*", "0h", "1'", "<0;1>", "", "x"]
    return bytes.prefix(300).map { "/" + steps[Int($0) % steps.count] }.joined()
}

private func read(_ text: String, on network: BitcoinNetwork) {
    for isAllowed in [false, true] {
        readAddress(text, allowingUnknownWitness: isAllowed)
        readDescriptor(text, on: network, allowingUnknownWitness: isAllowed)
    }
}

private func readAddress(_ text: String, allowingUnknownWitness isAllowed: Bool) {
    do throws(AddressFault) {
        let address = try PayoutAddress(text, allowingUnknownWitness: isAllowed)
        precondition(
            address.text == text || address.text == text.lowercased(), "an address is written as it was read")
        precondition(!address.networks.isEmpty, "it belongs somewhere")
        for network in address.networks {
            precondition(
                PayoutAddress(script: address.script, on: network) == address, "its script stands for it")
            let again = try PayoutAddress(address.text, on: network, allowingUnknownWitness: true)
            precondition(again == address, "it is read as it was written")
        }
    } catch {
        check("\(error)", of: text)
    }
}

private func readDescriptor(
    _ text: String, on network: BitcoinNetwork, allowingUnknownWitness isAllowed: Bool
) {
    do throws(DescriptorFault) {
        let payout = try PayoutDescriptor(
            addressOrDescriptor: text, on: network, allowingUnknownWitness: isAllowed)
        let again = try PayoutDescriptor(payout.text, on: network, allowingUnknownWitness: isAllowed)
        precondition(again.text == payout.text && again.hadChecksum, "a descriptor is read as it was written")
        precondition(again.isRanged == payout.isRanged, "with its kind")
        for index: UInt32 in [0, 5, 0x7fff_ffff] {
            precondition(again.script(at: index) == payout.script(at: index), "and its scripts")
        }
        var index = PayoutIndex(payout)
        _ = index.blockFound(paying: index.current)
        guard let saved = try? PayoutIndex(again, record: index.record) else {
            preconditionFailure("an index comes back from its record")
        }
        precondition(saved.current == index.current && saved.script == index.script)
    } catch {
        check("\(error)", of: text)
    }
}

private func readRecord(_ text: String) {
    guard let payout = try? PayoutDescriptor("raw(51)", on: .main) else { preconditionFailure("OP_TRUE") }
    if let index = try? PayoutIndex(payout, record: text) {
        precondition(index.record.split(separator: " ").count == 4, "a record of a script is one again")
    }
}

/// A sentence is short, cannot play with a terminal, and holds no piece of the text that could be one of a key.
private func check(_ sentence: String, of text: String) {
    precondition((10...400).contains(sentence.count), "a sentence is neither empty nor endless")
    precondition(
        sentence.unicodeScalars.allSatisfy { (0x20...0x7e).contains($0.value) }, "a sentence is printable")
    let digits = Array(text.utf8)
    guard digits.count >= 21 else { return }
    for piece in stride(from: 0, to: digits.count - 20, by: 20) {
        let part = digits[piece..<piece + 21]
        // Words of ours may stand in the text too; keys have digits and capitals.
        guard part.allSatisfy({ 48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 }) else { continue }
        precondition(!sentence.utf8.contains(part), "a sentence repeats nothing of a key")
    }
}
