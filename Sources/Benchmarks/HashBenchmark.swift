import BitcoinPrimitives
import CBenchPeers
import CSHA256d

/// One line of a benchmark's result.
public struct HashRow: Hashable, Sendable, Codable {
    /// The work, which all rows of the same contest do.
    public let contest: String
    public let name: String
    public let figures: Figures
    public let isBaseline: Bool
    /// How near a scan comes to what the processor's vector units allow, 0 to 1; `nil` where no bound is known.
    public let shareOfBound: Double?
}

/// What `HashBenchmark` found.
public struct HashResults: Hashable, Sendable, Codable {
    public let rows: [HashRow]
    /// Kernels by name, with what became of them here: absent, usable, wrong.
    public let kernels: [String: String]
    /// As OpenSSL prints its version; `nil` when there is none on this machine, and nothing to compare with.
    public let openSSL: String?
    /// Operations on vectors of 512 bits that this processor starts in a cycle; `nil` without AVX-512.
    public let wideOperationsPerCycle: Double?
}

/// Adit's SHA-256d kernels beside OpenSSL and swift-crypto: nonce scan, batch, one header, one with a known midstate.
public struct HashBenchmark: Sendable {
    public static let baseline = "OpenSSL low-level"
    static let slice = Duration.milliseconds(4)
    private let race: Race

    /// - Parameter rounds: how often each contender gets its turn; each turn takes some 5 ms.
    public init(rounds: Int) { race = Race(rounds: rounds, slice: HashBenchmark.slice) }

    public func run() -> HashResults {
        let work = HashWork()
        let kernels = HashKernel.all
        let usable = kernels.filter { $0.standing == .usable }
        let contests = [
            scan(work, usable), headers(work, usable), latency(work, usable), midstate(work, usable),
        ]
        return HashResults(
            rows: contests.flatMap { race.run($0) },
            kernels: Dictionary(uniqueKeysWithValues: kernels.map { ($0.name, "\($0.standing)") }),
            openSSL: adit_openssl_version().map { String(cString: $0) },
            wideOperationsPerCycle: race.wideOperationsPerCycle())
    }

    private func scan(_ work: HashWork, _ kernels: [HashKernel]) -> Contest {
        var contenders = [Contender]()
        if work.transform() {
            // The only way to scan with OpenSSL: its compression function from a midstate, twice a nonce.
            contenders.append(Contender(name: HashBenchmark.baseline, hashes: 1) { _ = work.transform() })
        }
        for kernel in kernels {
            for versions in [1, 4, 8] {
                var contender = Contender(
                    name: versions == 1 ? kernel.name : "\(kernel.name), \(versions) versions",
                    hashes: HashWork.nonces * versions
                ) { _ = kernel.use { work.scan(versions: versions) } }
                if kernel.name == "avx512" {
                    switch versions {
                    case 1: contender.boundOperations = ScanBound.operations
                    case 8: contender.boundOperations = ScanBound.operationsSharedByEight
                    default: break
                    }
                }
                contenders.append(contender)
            }
        }
        return Contest(title: "nonce scan", baseline: HashBenchmark.baseline, contenders: contenders)
    }

    private func headers(_ work: HashWork, _ kernels: [HashKernel]) -> Contest {
        var contenders = peers(work)
        for kernel in kernels {
            contenders.append(
                Contender(name: kernel.name, hashes: HashWork.rows) { _ = kernel.use { work.batch() } })
        }
        return Contest(title: "many headers", baseline: HashBenchmark.baseline, contenders: contenders)
    }

    /// Each hash changes the next header, so that none can begin before the one before has ended.
    private func latency(_ work: HashWork, _ kernels: [HashKernel]) -> Contest {
        var contenders = peers(work)
        for kernel in kernels {
            contenders.append(
                Contender(name: kernel.name, hashes: HashWork.chain) {
                    _ = kernel.use { for _ in 0..<HashWork.chain { work.one() } }
                })
        }
        return Contest(title: "one header", baseline: HashBenchmark.baseline, contenders: contenders)
    }

    private func midstate(_ work: HashWork, _ kernels: [HashKernel]) -> Contest {
        var contenders = peers(work).filter { $0.name == HashBenchmark.baseline }
        for kernel in kernels {
            contenders.append(
                Contender(name: kernel.name, hashes: HashWork.chain) {
                    _ = kernel.use { for _ in 0..<HashWork.chain { work.oneFromMidstate() } }
                })
        }
        return Contest(title: "one, midstate known", baseline: HashBenchmark.baseline, contenders: contenders)
    }

    /// Others' code for one header, each hash feeding the next; those that this machine lacks are left out.
    private func peers(_ work: HashWork) -> [Contender] {
        let openSSL: [(String, () -> Bool)] = [
            (HashBenchmark.baseline, work.lowLevel), ("OpenSSL EVP, context kept", work.evp),
            ("OpenSSL SHA256()", work.oneShot),
        ]
        var contenders = openSSL.filter { $0.1() }.map { peer in
            Contender(name: peer.0, hashes: HashWork.chain) {
                for _ in 0..<HashWork.chain { _ = peer.1() }
            }
        }
        contenders.append(
            Contender(name: "swift-crypto", hashes: HashWork.chain) {
                for _ in 0..<HashWork.chain { work.swiftCrypto() }
            })
        return contenders
    }
}
