import CBenchPeers
import CSHA256d
import Crypto

/// The headers that contenders hash, and what they write. For one thread.
final class HashWork {
    static let rows = 480
    static let nonces = 960
    static let chain = 16

    private var headers = [UInt8](repeating: 0, count: 80 * HashWork.rows)
    private var digests = [UInt8](repeating: 0, count: 32 * HashWork.rows)
    private var header = [UInt8](repeating: 7, count: 80)
    private var tail = [UInt8](repeating: 9, count: 16)
    private var digest = [UInt8](repeating: 0, count: 32)
    private var midstates = [UInt32](repeating: 0, count: 8 * Int(ADIT_SHA256D_MIDSTATES))
    private var hits = [adit_sha256d_hit](repeating: adit_sha256d_hit(), count: 16)
    private var nonce: UInt32 = 0

    init() {
        for index in headers.indices { headers[index] = UInt8(truncatingIfNeeded: index &* 167 ^ index >> 7) }
        for index in midstates.indices { midstates[index] = UInt32(truncatingIfNeeded: index &* 0x9e37_79b1) }
    }

    /// 960 nonces on each of so many midstates.
    func scan(versions: Int) {
        var found = 0
        nonce &+= UInt32(HashWork.nonces)
        _ = adit_sha256d_scan_versions(
            midstates, versions, tail, nonce, 1, UInt64(HashWork.nonces), 0, &hits, hits.count, &found)
    }

    func batch() { adit_sha256d_headers(headers, HashWork.rows, &digests) }

    func one() {
        adit_sha256d_header(header, &digest)
        header[0] = digest[0]
    }

    func oneFromMidstate() {
        adit_sha256d_tail(midstates, tail, &digest)
        tail[12] = digest[0]
    }

    func lowLevel() -> Bool { feedBack(adit_openssl_low_level(header, &digest)) }
    func evp() -> Bool { feedBack(adit_openssl_evp(header, &digest)) }
    func oneShot() -> Bool { feedBack(adit_openssl_one_shot(header, &digest)) }

    func transform() -> Bool {
        let has = adit_openssl_transform(midstates, tail, &digest)
        tail[12] = digest[0]
        return has == 1
    }

    func swiftCrypto() {
        var first = SHA256()
        header.withUnsafeBytes { first.update(bufferPointer: $0) }
        var second = SHA256()
        first.finalize().withUnsafeBytes { second.update(bufferPointer: $0) }
        second.finalize().withUnsafeBytes { header[0] = $0[0] }
    }

    private func feedBack(_ has: Int32) -> Bool {
        header[0] = digest[0]
        return has == 1
    }

    /// The hash of one and the same header by each way that there is here, to be compared.
    func answers() -> [String: [UInt8]] {
        var answers = [String: [UInt8]]()
        func take(_ name: String, _ way: () -> Bool) {
            header[0] = 7
            digest = [UInt8](repeating: 0, count: 32)
            if way() { answers[name] = digest }
        }
        take("low-level", lowLevel)
        take("EVP", evp)
        take("one-shot", oneShot)
        take("Adit") {
            one()
            return true
        }
        return answers
    }

    /// The hash from a midstate, by Adit and by OpenSSL where it is.
    func midstateAnswers() -> [[UInt8]] {
        tail[12] = 9
        oneFromMidstate()
        let mine = digest
        tail[12] = 9
        return transform() ? [mine, digest] : [mine]
    }
}
