import BitcoinPrimitives
import Testing

// Both tables by exact rational arithmetic: Python's fractions, rounded down to a whole target, and rounded to the nearest
// double.
private let targetsOfDifficulties: [(difficulty: Double, target: String)] = [
    (1.0, "00000000ffff0000000000000000000000000000000000000000000000000000"),
    (0.5, "00000001fffe0000000000000000000000000000000000000000000000000000"),
    (0.1, "00000009fff5ffffffffd80028000000009fff5ffffffffd80028000000009ff"),
    (0.3333333333333333, "00000002fffd000000000bfff4000000002fffd000000000bfff4000000002ff"),
    (2.0, "000000007fff8000000000000000000000000000000000000000000000000000"),
    (1e-09, "3b9a8e6535fffef481b5fe088151b0791619e09d7e3f36fccfbaa4c14955fdb7"),
    (4.656612873077393e-10, "7fff800000000000000000000000000000000000000000000000000000000000"),
    (1.1641532182693481e-10, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    (256.0, "0000000000ffff00000000000000000000000000000000000000000000000000"),
    (65535.0, "0000000000010000000000000000000000000000000000000000000000000000"),
    (65536.0, "000000000000ffff000000000000000000000000000000000000000000000000"),
    (1000.0, "00000000004188f5c28f5c28f5c28f5c28f5c28f5c28f5c28f5c28f5c28f5c28"),
    (8192.25, "000000000007ffe8002fffa000bffe8002fffa000bffe8002fffa000bffe8002"),
    (16307.420938523983, "00000000000404cb0000000007c5747a627a628969a358d48b51dade7bd7a049"),
    (1000000000000.0, "00000000000000000119787e99468e32f6e0e71cef78ee034b5f8a0944d68076"),
    (92049594548485.47, "000000000000000000030eccffffffffedd4b4747c747ce071d058cdfd091fcf"),
    (110000000000000.0, "000000000000000000028f0f1d521890c114a9aa2769d39e48d4a67dc1ca1870"),
    (5e+60, "0000000000000000000000000000000000000000000000000000000000524623"),
    (1e-300, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    (5e-324, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
    (1.7976931348623157e+308, "0000000000000000000000000000000000000000000000000000000000000000"),
    (3.0000000000000004, "000000005554fffffffffc71caaaaaaaaad0978e38e38e374f04bda12f685cb5"),
    (0.9999999999999999, "00000000ffff0000000007fff8000000003fffc000000001fffe000000000fff"),
]

private let difficultiesOfTargets: [(target: String, difficulty: Double)] = [
    ("00000000ffff0000000000000000000000000000000000000000000000000000", 1.0),
    ("00000000fffeffffffffffffffffffffffffffffffffffffffffffffffffffff", 1.0),
    ("00000000ffff0000000000000000000000000000000000000000000000000001", 1.0),
    ("0000000000000000000000000000000000000000000000000000000000000001", 2.695953529101131e+67),
    ("0000000000000000000000000000000000000000000000000000000000000002", 1.3479767645505655e+67),
    ("0000000000000000000000000000000000000000000000000000000000000003", 8.986511763670436e+66),
    ("0000000000000000000000000000000000000000000000000000000000000007", 3.851362184430187e+66),
    ("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 2.3282709094019083e-10),
    ("8000000000000000000000000000000000000000000000000000000000000000", 4.6565418188038166e-10),
    ("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 4.6565418188038166e-10),
    ("00000000ffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 0.9999847412109375),
    ("0000000000000100000000000000000000000000000000000000000000000001", 16776960.0),
    ("0000000000000000000f1446b0c11fdecb91ce375bc8fbbcbde5c0994164d839", 18666150299776.613),
    ("0000000000000000000000000000000000000000000000000ec1d7daa6eb8c9e", 2.53529607334202e+49),
    ("00000000000000000003fc1ef17fd374c6a5387777330bdbd7210dff076ce2ef", 70635251635050.9),
    ("0000000000000000000000000000000000000000000000000e6a16a30d464138", 2.595588472657858e+49),
    ("00686bfa8b33e968617959ce3f1f65a8de5271007814e8a25f2dd97f1cfb10f6", 1.4612425219829606e-07),
    ("0000000000000000000478c2687c966c377b9aa2bb2edb20035b73993fd42359", 62944662516643.06),
    ("0049a879cc11d357c30d8b7628dbd25e63b229f1c4069545de11cc9dea959c21", 2.0715378859648804e-07),
    ("037c5186f8eb18b90074513021da8978206f5c6671e0c07e9e115e4b9e30691c", 1.7099899662823602e-08),
    ("2a9eba0cdf561d802a759159fb7ff337f5cae3bf3729c619c60a3cab359eeefb", 1.3984912800960306e-09),
    ("00000000a02fdaa1ad864c44e049548e8a0a8c9632ea6928f6236bf2504b74ba", 1.598108497773211),
]

@Test(arguments: targetsOfDifficulties)
func `a difficulty stands for one target, exact to the last bit`(difficulty: Double, target: String) {
    #expect(Target(difficulty: difficulty)?.displayHex == target)
}

@Test(arguments: difficultiesOfTargets)
func `a target's difficulty is the nearest number`(target: String, difficulty: Double) throws {
    #expect(try #require(Target(displayHex: target)).difficulty == difficulty)
}

@Test(arguments: [0, -0.0, -1, .infinity, -.infinity, .nan, .signalingNaN])
func `what is not a positive number is no difficulty`(difficulty: Double) {
    #expect(Target(difficulty: difficulty) == nil)
}

@Test func `the target zero is infinitely difficult`() throws {
    #expect(try #require(Target(wireBytes: [UInt8](repeating: 0, count: 32))).difficulty == .infinity)
}

@Test func `a target is read from 64 digits and from nothing else`() throws {
    let digits = String(repeating: "0", count: 8) + "ffff" + String(repeating: "0", count: 52)
    #expect(Target(displayHex: digits) == .difficultyOne)
    for bad in [String(digits.dropFirst()), digits + "0", "g" + digits.dropFirst(), ""] {
        #expect(Target(displayHex: bad) == nil)
    }
}

@Test func `a batch hashes as one by one does`() throws {
    var header = Header(
        version: 0x2000_0000, previousBlock: .zero, merkleRoot: Hash256(hashing: [1]), time: 0x6500_0000,
        bits: CompactTarget(bits: 0x1d00_ffff), nonce: 0)
    var bytes = [UInt8]()
    var expected = [Hash256]()
    #expect(Header.hashes(wireBytes: []) == [])
    for nonce: UInt32 in 0..<60 {
        header.nonce = nonce
        #expect(Header(wireBytes: header.wireBytes) == header)
        bytes += header.wireBytes
        expected.append(Hash256(hashing: Array((header.wireBytes + [0]).dropLast())))
        #expect(header.hash == expected.last)
        #expect(Header.hashes(wireBytes: bytes) == expected)
    }
}

@Test func `a kernel that is not usable does nothing, and one that is goes back afterwards`() {
    let kernels = HashKernel.all
    #expect(kernels.last?.name == "portable")
    for kernel in kernels {
        let inside = kernel.use { HashKernel.all.filter { $0.hashesOne && $0.hashesMany }.map(\.name) }
        #expect(inside == (kernel.standing == .usable ? [kernel.name] : nil))
    }
    #expect(HashKernel.all == kernels)
}
