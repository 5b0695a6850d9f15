/// Knows private keys and recovery phrases by their look, so that they can be refused before anything else is said about
/// a text.
///
/// A miner pays to public keys. A private key in its configuration is a mistake, and no message, log or file of ours may
/// repeat any of it: faults that follow from one carry nothing of the text.
enum PrivateKeyText {
    /// Whether any word of letters and digits looks like an extended private key, one in wallet import format,
    /// or a share of a seed (BIP 93), its checksum right or not; or all words like those of a recovery phrase
    /// (BIP 39).
    static func isPresent(in text: String) -> Bool {
        let words = text.unicodeScalars.split { !isAlphanumeric($0) }
        return words.contains { looksPrivate(String($0)) } || isPhrase(words.map(String.init))
    }

    /// BIP 39 has 12 to 24 words of 3 to 8 letters; one may be lost.
    private static func isPhrase(_ words: [String]) -> Bool {
        words.count >= 11
            && words.allSatisfy {
                (3...8).contains($0.utf8.count) && $0.utf8.allSatisfy { 97...122 ~= $0 | 0x20 }
            }
    }

    private static func looksPrivate(_ word: String) -> Bool {
        let bytes = [UInt8](word.utf8)
        guard bytes.count > 20 else { return false }
        // xprv and tprv, and what some wallets write instead. No address begins with these letters.
        if "xtyzuvYZUV".utf8.contains(bytes[0]), bytes[1...3].elementsEqual("prv".utf8) { return true }
        // Shares of a seed have 48 characters and more; secret keys of NIP 19 have 63, and end up in the wrong place
        // too. No address of Bitcoin that begins so is as long.
        let lowercase = word.lowercased()
        if bytes.count >= 45, lowercase.hasPrefix("ms1") || lowercase.hasPrefix("nsec1") { return true }
        // Bytes 80 or ef, 32 of the key, maybe 01, and the checksum: 51 or 52 digits, one lost or added.
        // Nothing else of that length begins so, but hexadecimal digits.
        return (50...53).contains(bytes.count) && "5KL9c".utf8.contains(bytes[0])
            && !bytes.allSatisfy {
                UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || "abcdefABCDEF".utf8.contains($0)
            }
    }

    private static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "0"..."9", "a"..."z", "A"..."Z": true
        default: false
        }
    }
}
