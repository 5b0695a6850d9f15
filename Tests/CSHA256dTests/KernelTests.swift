import CSHA256d
import TestSupport
import Testing

/// Every kernel that runs here, and how it is reached.
private let usable: [String] = {
    var kernels = [adit_sha256d_kernel](repeating: adit_sha256d_kernel(), count: 8)
    let count = adit_sha256d_kernels(&kernels, kernels.count)
    return kernels[..<count].filter { $0.standing == ADIT_SHA256D_USABLE }.map { String(cString: $0.name) }
}()

private func with<T>(_ kernel: String, _ body: () -> T) -> T {
    precondition(adit_sha256d_use(kernel) == 1, "\(kernel) runs here")
    defer { _ = adit_sha256d_use(nil) }
    return body()
}

/// Both answers, for one comparison.
private func answers<T>(_ kernel: String, _ body: () -> T) -> (T, T) {
    (with(kernel, body), with("portable", body))
}

private struct Bytes {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {  // SplitMix64
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    mutating func next(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }

    mutating func midstates(_ count: Int) -> [UInt32] {
        (0..<8 * count).map { _ in UInt32(truncatingIfNeeded: next()) }
    }
}

private func digests(_ count: Int, _ body: (UnsafeMutablePointer<UInt8>?) -> Void) -> [UInt8] {
    var out = [UInt8](repeating: 0xa5, count: 32 * count + 8)
    out.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    return out
}

private struct Scan {
    struct Hit: Hashable { var midstate, nonce: UInt32 }
    var midstates: [UInt32]
    var tail: [UInt8]
    var first, step, limit: UInt32
    var count: UInt64
    var room: Int

    func run() -> (tried: UInt64, hits: [Hit]) {
        var hits = [adit_sha256d_hit](repeating: adit_sha256d_hit(), count: max(room, 1))
        var found = 0
        let tried = adit_sha256d_scan_versions(
            midstates, midstates.count / 8, tail, first, step, count, limit, &hits, room, &found)
        return (tried, hits[..<found].map { Hit(midstate: $0.midstate, nonce: $0.nonce) })
    }

    /// What one hash after the other finds, without room's bound.
    func byHand() -> [Hit] {
        var hits = [Hit]()
        for trial in 0..<count {
            let nonce = first &+ UInt32(truncatingIfNeeded: trial) &* step
            let whole = tail + (0..<4).map { UInt8(truncatingIfNeeded: nonce >> UInt32(8 * $0)) }
            for midstate in 0..<midstates.count / 8 {
                let state = Array(midstates[8 * midstate..<8 * midstate + 8])
                let digest = digests(1) { adit_sha256d_tail(state, whole, $0) }
                let top = (0..<4).reduce(UInt32(0)) { $0 | UInt32(digest[28 + $1]) << UInt32(8 * $1) }
                if top <= limit { hits.append(Hit(midstate: UInt32(midstate), nonce: nonce)) }
            }
        }
        return hits
    }
}

// FIPS 180-4's examples (published with the standard), and the header of block 0 of the main chain.
private let messages: [(text: [UInt8], once: String)] = [
    ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (Array("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
]

@Suite struct Kernels {
    @Test func `the portable kernel always runs, and what the machine chose agrees with it`() {
        #expect(usable.last == "portable")
        var kernels = [adit_sha256d_kernel](repeating: adit_sha256d_kernel(), count: 8)
        let count = adit_sha256d_kernels(&kernels, kernels.count)
        #expect(kernels[..<count].allSatisfy { $0.standing != ADIT_SHA256D_WRONG })
        #expect(kernels[..<count].filter { $0.hashes_one == 1 }.count == 1)
        #expect(kernels[..<count].filter { $0.hashes_many == 1 }.count == 1)
    }

    @Test func `a kernel of an unknown name is refused and changes nothing`() {
        #expect(adit_sha256d_use("sha3") == 0)
        #expect(adit_sha256d_use("") == 0)
    }

    @Test(arguments: usable)
    func `known messages have their published digests`(kernel: String) {
        for message in messages {
            let once = with(kernel) { digests(1) { adit_sha256(message.text, message.text.count, $0) } }
            #expect(Array(once[..<32]) == hex(message.once))
            let twice = with(kernel) { digests(1) { adit_sha256d(message.text, message.text.count, $0) } }
            let again = with(kernel) { digests(1) { adit_sha256(Array(once[..<32]), 32, $0) } }
            #expect(twice == again)
        }
    }

    @Test(arguments: usable)
    func `single messages and midstates of any length and alignment agree`(kernel: String) {
        var bytes = Bytes(seed: 1)
        for length in 0...200 {
            let data = bytes.next(length + 16)
            let state = bytes.midstates(1)
            for offset in [0, 1, 15] {
                let (mine, theirs) = answers(kernel) {
                    digests(4) { out in
                        data.withUnsafeBufferPointer { data in
                            guard let out, let start = data.baseAddress.map({ $0 + offset }) else { return }
                            adit_sha256(start, length, out)
                            adit_sha256d(start, length, out + 32)
                            adit_sha256d_tail(state, start, out + 65)
                        }
                    }
                }
                #expect(mine == theirs, "length \(length), offset \(offset)")
            }
            let (mine, theirs) = answers(kernel) {
                var words = state
                adit_sha256_compress(&words, data, length / 64)
                return words
            }
            #expect(mine == theirs)
        }
    }

    @Test(arguments: usable)
    func `batches of 0 to 130 headers agree with one header at a time, and write nothing beyond`(
        kernel: String
    ) {
        var bytes = Bytes(seed: 2)
        let data = bytes.next(130 * 80 + 1)
        for count in 0...130 {
            for offset in [0, 1] {
                let seen = with(kernel) {
                    digests(count) { out in
                        data.withUnsafeBufferPointer { data in
                            adit_sha256d_headers(data.baseAddress.map { $0 + offset }, count, out)
                        }
                    }
                }
                let expected = with("portable") {
                    (0..<count).flatMap { index in
                        let start = 80 * index + offset
                        return digests(1) { adit_sha256d_header(Array(data[start..<start + 80]), $0) }[..<32]
                    } + [UInt8](repeating: 0xa5, count: 8)
                }
                #expect(seen == expected, "count \(count), offset \(offset)")
            }
        }
    }

    @Test(arguments: usable)
    func `pairs of nodes agree with SHA-256d of 64 bytes, also in place`(kernel: String) {
        var bytes = Bytes(seed: 3)
        let nodes = bytes.next(130 * 64)
        for count in 0...130 {
            let seen = with(kernel) { digests(count) { adit_sha256d_pairs(nodes, count, $0) } }
            let expected = with("portable") {
                (0..<count).flatMap { index in
                    digests(1) { adit_sha256d(Array(nodes[64 * index..<64 * index + 64]), 64, $0) }[..<32]
                }
            }
            #expect(Array(seen.dropLast(8)) == expected)
            var level = nodes
            with(kernel) {
                level.withUnsafeMutableBufferPointer {
                    adit_sha256d_pairs($0.baseAddress, count, $0.baseAddress)
                }
            }
            #expect(Array(level[..<(32 * count)]) == expected)
            #expect(level[(64 * count)...] == nodes[(64 * count)...])
        }
    }
}

@Suite struct Scans {
    @Test(arguments: usable, 1...8)
    func `a scan finds what hashing one by one finds`(kernel: String, midstates: Int) {
        var bytes = Bytes(seed: UInt64(10 * midstates))
        for count in Array(0...70) + [95, 96, 97, 143, 144, 145] {
            for step: UInt32 in [1, 2, 256, 0x9e37_79b1] {
                let scan = Scan(
                    midstates: bytes.midstates(midstates), tail: bytes.next(12),
                    first: UInt32(truncatingIfNeeded: bytes.next()), step: step, limit: 0x0fff_ffff,
                    count: UInt64(count), room: 8 * 145)
                let seen = with(kernel) { scan.run() }
                #expect(seen.tried == scan.count)
                #expect(seen.hits == with("portable") { scan.byHand() }, "count \(count), step \(step)")
            }
        }
    }

    @Test(arguments: usable)
    func `nonces wrap at two to the 32nd`(kernel: String) {
        var bytes = Bytes(seed: 4)
        for step: UInt32 in [1, 2, 5] {
            let scan = Scan(
                midstates: bytes.midstates(3), tail: bytes.next(12), first: 0xffff_ffd3, step: step,
                limit: 0x3fff_ffff, count: 200, room: 600)
            let seen = with(kernel) { scan.run() }
            #expect(seen.hits == with("portable") { scan.byHand() })
            #expect(seen.hits.contains { $0.nonce < 0x1000 })
        }
    }

    @Test(arguments: usable)
    func `the limit itself is a hit and one above it is none`(kernel: String) {
        var bytes = Bytes(seed: 5)
        var scan = Scan(
            midstates: bytes.midstates(1), tail: bytes.next(12), first: 7, step: 1, limit: .max, count: 1,
            room: 1)
        let whole = scan.tail + [7, 0, 0, 0]
        let digest = digests(1) { adit_sha256d_tail(scan.midstates, whole, $0) }
        let top = (0..<4).reduce(UInt32(0)) { $0 | UInt32(digest[28 + $1]) << UInt32(8 * $1) }
        for (limit, hits) in [(top, 1), (top - 1, 0), (top | 1, 1)] {
            scan.limit = limit
            #expect(with(kernel) { scan.run() }.hits.count == hits)
        }
    }

    @Test(arguments: usable, [1, 2, 7, 8])
    func `a full buffer stops the search, which goes on where it stopped and loses nothing`(
        kernel: String, midstates: Int
    ) {
        var bytes = Bytes(seed: 6)
        let scan = Scan(
            midstates: bytes.midstates(midstates), tail: bytes.next(12), first: 0xffff_ffc0, step: 3,
            limit: 0x7fff_ffff, count: 300, room: 5_000)
        let whole = with("portable") { scan.byHand() }
        for room in [midstates, midstates + 1, 40] {
            var hits = [Scan.Hit]()
            var part = scan
            part.room = room
            while part.count > 0 {
                let (tried, found) = with(kernel) { part.run() }
                #expect(tried > 0 && tried <= part.count)
                guard tried > 0 else { break }
                hits += found
                part.first &+= UInt32(truncatingIfNeeded: tried) &* part.step
                part.count -= tried
            }
            #expect(hits == whole, "room \(room)")
        }
    }

    @Test(arguments: usable)
    func `too little room or a wrong number of midstates tries nothing`(kernel: String) {
        var bytes = Bytes(seed: 7)
        for (midstates, room) in [(1, 0), (3, 2), (8, 7), (0, 9), (9, 9)] {
            let scan = Scan(
                midstates: bytes.midstates(midstates), tail: bytes.next(12), first: 0, step: 1, limit: .max,
                count: 10, room: room)
            let seen = with(kernel) { scan.run() }
            #expect(seen.tried == 0 && seen.hits.isEmpty)
        }
    }

    @Test(arguments: usable)
    func `the plain scan finds the same nonces, in parts when there are many`(kernel: String) {
        var bytes = Bytes(seed: 8)
        let scan = Scan(
            midstates: bytes.midstates(1), tail: bytes.next(12), first: 0xffff_ff00, step: 1,
            limit: 0xbfff_ffff,
            count: 500, room: 500)
        let nonces = with("portable") { scan.byHand() }.map(\.nonce)
        for room in [0, 1, 63, 64, 65, 200, 500] {
            var hits = [UInt32](repeating: 0, count: 500)
            var found = 0
            let tried = with(kernel) {
                adit_sha256d_scan(scan.midstates, scan.tail, scan.first, 500, scan.limit, &hits, room, &found)
            }
            #expect(Array(hits[..<found]) == Array(nonces.prefix(room)))
            #expect(
                room == 500
                    ? tried == 500
                    : tried == nonces.prefix(room).last.map { UInt64($0 &- scan.first) + 1 } ?? 0)
        }
    }
}
