/// Ordinal inscriptions: data that a witness script carries past the interpreter between `OP_FALSE OP_IF` and
/// `OP_ENDIF`, the first of which is the text "ord".
enum Inscription {
    /// Whether the script of a witness begins such an envelope anywhere.
    ///
    /// That script is the last item but one before a taproot control block (BIP 341, an annex not counted), and the
    /// last one elsewhere (BIP 141). Without the spent output both are possible, so both are looked at.
    static func isIn(witness: [[UInt8]]) -> Bool {
        var items = witness[...]
        if items.count >= 2, items.last?.first == annexTag { items = items.dropLast() }
        guard let last = items.last else { return false }
        if isControlBlock(last), items.count >= 2, isIn(script: items[items.endIndex - 2]) { return true }
        return isIn(script: last)
    }

    private static func isControlBlock(_ item: [UInt8]) -> Bool {
        (33...4_129).contains(item.count) && item.count % 32 == 1
    }

    /// Walks operations, so that the same bytes within a push are no envelope. A push that runs past the end stops
    /// the walk: nothing after it is ever run.
    static func isIn(script: [UInt8]) -> Bool {
        var place = 0
        /// How much of `OP_FALSE OP_IF` came just before.
        var progress = 0
        while place < script.count {
            let opcode = script[place]
            place += 1
            var length = 0
            switch opcode {
            case 0x01...0x4b: length = Int(opcode)
            case 0x4c...0x4e:
                let width = 1 << Int(opcode - 0x4c)
                guard script.count - place >= width else { return false }
                for k in 0..<width { length |= Int(script[place + k]) << (8 * k) }
                place += width
            default: break
            }
            guard script.count - place >= length else { return false }
            let isPush = opcode <= 0x4e
            if progress == 2, isPush, script[place..<place + length].elementsEqual(name) { return true }
            if isPush, length == 0 {
                progress = 1
            } else if opcode == opIf, progress == 1 {
                progress = 2
            } else {
                progress = 0
            }
            place += length
        }
        return false
    }

    private static let annexTag: UInt8 = 0x50
    private static let opIf: UInt8 = 0x63
    private static let name = Array("ord".utf8)
}
