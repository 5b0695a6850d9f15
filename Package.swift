// swift-tools-version: 6.2
import PackageDescription

// One module a folder, in layers; docs/architecture.md draws the arrows and says why. A core module (no I/O, no
// clock) depends on cores only; an outside package appears in edges only, swift-crypto in SV2Noise excepted.

let swift6: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swift6)
}

func tests(_ module: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(module)Tests", dependencies: [.byName(name: module), "TestSupport"] + dependencies,
        swiftSettings: swift6)
}

let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

let nioTLS: [Target.Dependency] = [
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
    .product(name: "NIOTLS", package: "swift-nio"),
]

let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")

let foreign: [Target] = [
    // Debug builds compile C without optimisation unless told otherwise, and hashing is then five times slower.
    .target(name: "CSHA256d", cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))]),
    // libcrypto is loaded while it runs, where there is one, to be measured against.
    .target(name: "CBenchPeers", cSettings: [.unsafeFlags(["-O2"], .when(configuration: .debug))]),
    .target(name: "CLinux"),
    .target(name: "CResources"),
    .systemLibrary(name: "CSecp256k1", pkgConfig: "libsecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
    // Not by pkg-config, whose flags for Kerberos the package manager warns of.
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
]

let vocabulary: [Target] = [
    core("Units"),
    core("BitcoinPrimitives", ["CSHA256d"]),
]

let cores: [Target] = [
    core("SV2Noise", ["BitcoinPrimitives", "CSecp256k1", crypto]),
    core("SV2Codec"),
    core("SV2Messages", ["SV2Codec"]),
    core("SV2Roles", ["SV2Messages", "SV2Codec", "BitcoinPrimitives", "Units"]),
    core("TemplateBuilding", ["BitcoinPrimitives", "Units"]),
    core("RecordedNode", ["BitcoinPrimitives", "Units"]),
    core("Payouts", ["BitcoinPrimitives", "CSecp256k1", crypto]),
    core("BlockRelay", ["BitcoinPrimitives", "Units"]),
    core("NodeRPC", ["BitcoinPrimitives", "TemplateBuilding", "Units"]),
    core("TemplatePolicies", ["BitcoinPrimitives", "TemplateBuilding"]),
    core(
        "LiveTemplates", ["BitcoinPrimitives", "NodeRPC", "TemplateBuilding", "TemplatePolicies", "Units"]),
    core("MempoolREST", ["BitcoinPrimitives", "NodeRPC", "Units"]),
    core(
        "ProviderTemplates",
        [
            "BitcoinPrimitives", "NodeRPC", "SV2Codec", "SV2Messages", "SV2Roles", "TemplateBuilding",
            "TemplatePolicies", "Units",
        ]),
    core("BaseTemplates", ["BitcoinPrimitives", "SV2Codec", "TemplateBuilding", "Units"]),
    core("BlockRoutes", ["BitcoinPrimitives", "Units"]),
    core(
        "Negotiation",
        [
            "BaseTemplates", "BitcoinPrimitives", "SV1", "SV2Codec", "SV2Messages", "SV2Roles", "Scheduling",
            "TemplateBuilding", "Units",
        ]),
    core("ASICWire"),
    core("ASICChips", ["ASICWire", "Units"]),
    core("ASICChains", ["ASICChips", "ASICWire", "BitcoinPrimitives", "CSHA256d", "Units"]),
    core("SV1", ["BitcoinPrimitives", "Units"]),
    core("HeaderReports", ["BitcoinPrimitives"]),
    core("Peripherals", ["Units"]),
    core("Boards", ["ASICChains", "ASICChips", "Peripherals", "Units"]),
    core("Supervision", ["Peripherals", "Units"]),
    core("Verification", ["BitcoinPrimitives"]),
    core("Scheduling", ["Verification", "BitcoinPrimitives", "Units"]),
    core(
        "MinerCore",
        [
            "ASICChains", "BitcoinPrimitives", "Boards", "Negotiation", "Scheduling", "TemplateBuilding",
            "Units",
        ]),
    core("Emulator", ["ASICWire", "CSHA256d", "Units"]),
    core(
        "SimulationKit",
        [
            "ASICChains", "ASICChips", "BaseTemplates", "BitcoinPrimitives", "Boards", "Emulator",
            "LiveTemplates", "MinerCore", "Negotiation", "NodeRPC", "Peripherals", "SV1", "SV2Codec",
            "SV2Messages", "SV2Roles",
            "Scheduling", "Supervision", "TemplateBuilding", "Units",
        ]),
]

let edges: [Target] = [
    core("TOMLNodes", [.product(name: "TOMLKit", package: "TOMLKit")]),
    core(
        "HardwareData",
        [
            "ASICChips", "ASICChains", "Boards", "CResources", "Peripherals", "TOMLNodes", "Units",
        ]),
    core("NodeCapture", ["RecordedNode", "BitcoinPrimitives", "CZlib", "CResources"]),
    core(
        "Transports", ["CLinux", "Units", .product(name: "NIOSSL", package: "swift-nio-ssl")] + nio),
    core(
        "NodeConnections",
        ["BitcoinPrimitives", "CZeroMQ", "NodeRPC", "Transports", "Units", nioHTTP1] + nio),
    core(
        "PolicyFiles",
        [
            "BitcoinPrimitives", "Payouts", "TemplatePolicies", "TOMLNodes",
        ]),
    core(
        "TemplateSources",
        ["BitcoinPrimitives", "CZlib", "NodeCapture", "NodeRPC", "Payouts", "RecordedNode"]),
    core(
        "TemplateReports",
        [
            "BitcoinPrimitives", "LiveTemplates", "Payouts", "PolicyFiles", "RecordedNode",
            "TemplateBuilding", "TemplatePolicies", "TemplateSources",
        ]),
    core("StateFiles", ["BitcoinPrimitives", "BlockRoutes", "Payouts"]),
    core("PeerConnections", ["BitcoinPrimitives", "BlockRelay", "Transports", "Units"] + nio),
    core(
        "RESTConnections",
        ["BitcoinPrimitives", "MempoolREST", "Transports", "Units", nioHTTP1] + nioTLS + nio),
    core(
        "LiveSources",
        [
            "BitcoinPrimitives", "NodeConnections", "NodeRPC", "Payouts", "TemplateSources", "Transports",
            "Units",
        ] + nio),
    core(
        "TemplateFeeds",
        [
            "LiveSources", "LiveTemplates", "NodeRPC", "TemplateBuilding", "TemplatePolicies", "Transports",
            "Units",
        ] + nio),
    core(
        "TemplateProviders",
        [
            "BitcoinPrimitives", "ProviderTemplates", "SV2Codec", "SV2Connections", "SV2Messages",
            "SV2Noise", "SV2Roles", "TemplateBuilding", "TemplatePolicies", "Transports", "Units",
        ] + nio),
    core(
        "LiveReports",
        [
            "BitcoinPrimitives", "LiveSources", "LiveTemplates", "MempoolREST", "NodeConnections", "NodeRPC",
            "Payouts", "PolicyFiles", "ProviderTemplates", "RESTConnections", "SV2Codec", "SV2Messages",
            "SV2Roles",
            "TemplateBuilding", "TemplateFeeds", "TemplatePolicies", "TemplateProviders", "TemplateReports",
            "TemplateSources", "Transports",
        ] + nio),
    core("SV2Connections", ["SV2Codec", "SV2Messages", "SV2Noise", "Transports"] + nio),
    core(
        "SV1Connections",
        [
            "SV1", "Transports",
        ] + nioTLS + nio),
    core(
        "EmulatorHost",
        [
            "CResources", "Emulator", "Transports", "Units", .product(name: "TOMLKit", package: "TOMLKit"),
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ] + nio),
    core(
        "CPUHashing",
        ["BitcoinPrimitives", "CSHA256d", "MinerCore", "Scheduling", "Transports", "Units"] + nio),
    core(
        "Benchmarks",
        [
            "ASICChains", "ASICChips", "ASICWire", "BaseTemplates", "BitcoinPrimitives", "CBenchPeers",
            "CSHA256d",
            "CSecp256k1",
            "Boards", "Emulator", "HardwareData", "LiveTemplates", "MinerCore", "Negotiation", "NodeRPC",
            "SV2Codec", "SV2Messages", "SV2Noise", "SV2Roles",
            "PoolServer", "SV2Connections", "SimulationKit", "TemplateBuilding", "Transports", "Units",
            crypto,
        ] + nio),
    core(
        "PoolServer",
        [
            "BaseTemplates", "BitcoinPrimitives", "SV2Codec", "SV2Connections", "SV2Messages", "SV2Noise",
            "SV2Roles",
            "Transports",
            "Units",
        ] + nio),
    core(
        "PoolChecks",
        [
            "BitcoinPrimitives", "SV1", "SV1Connections", "SV2Codec", "SV2Connections", "SV2Messages",
            "SV2Noise",
            "SV2Roles", "Transports", "Units",
        ] + nio),
    core(
        "BlockPublishing",
        [
            "BitcoinPrimitives", "BlockRelay", "BlockRoutes", "LiveSources", "NodeConnections", "NodeRPC",
            "Payouts", "PeerConnections", "ProviderTemplates", "StateFiles", "TemplateProviders",
            "Transports", "Units",
        ] + nio),
    core("PoolLedger", ["BitcoinPrimitives", .product(name: "GRDB", package: "GRDB.swift")]),
    core(
        "PoolHouse",
        [
            "BaseTemplates", "BitcoinPrimitives", "LiveSources", "LiveTemplates", "NodeCapture",
            "NodeConnections", "NodeRPC", "Payouts", "PoolLedger", "PoolServer", "RecordedNode", "SV2Codec",
            "SV2Connections", "SV2Messages", "SV2Noise", "SV2Roles", "TOMLNodes", "TemplateBuilding",
            "Transports", "Units",
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ] + nio),
    core("HostI2C", ["CLinux", "Peripherals"]),
    core(
        "MinerRuntime",
        [
            "ASICChains", "ASICChips", "BitcoinPrimitives", "Boards", "CLinux", "CPUHashing", "CResources",
            "BaseTemplates", "Emulator", "EmulatorHost",
            "HardwareData", "LiveTemplates", "MinerCore", "Negotiation", "NodeCapture", "NodeRPC",
            "PoolServer", "RecordedNode", "SV1Connections", "SV2Codec",
            "SV2Connections", "SV2Messages", "SV2Noise", "SV2Roles", "Scheduling", "TemplateBuilding",
            "TemplateReports", "Transports", "Units",
            .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        ] + nio),
    .executableTarget(
        name: "adit",
        dependencies: [
            "Benchmarks", "BitcoinPrimitives", "EmulatorHost", "HeaderReports", "MinerRuntime", "PoolChecks",
            "CLinux", "LiveReports", "NodeCapture", "Payouts", "PoolHouse", "PoolServer", "SV2Noise",
            "TemplateReports",
            "TemplateSources",
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
        ],
        swiftSettings: swift6),
]

let testTargets: [Target] = [
    // Worlds by the thousand, in release: tools/simulate.
    .executableTarget(
        name: "adit-simulate", dependencies: ["SimulationKit", "Units"], swiftSettings: swift6),
    .target(name: "TestSupport", path: "Tests/Support", swiftSettings: swift6),
    .target(
        name: "ChipSupport", dependencies: ["ASICChips", "Units"], path: "Tests/ChipSupport",
        swiftSettings: swift6),
    .target(name: "NIOSupport", dependencies: nio, path: "Tests/NIOSupport", swiftSettings: swift6),
    // A node of HTTP and ZMQ that says what a test tells it to.
    .target(
        name: "NodeSupport", dependencies: ["BitcoinPrimitives", "CZeroMQ", nioHTTP1] + nio,
        path: "Tests/NodeSupport", swiftSettings: swift6),
    tests("ASICChains", ["ASICChips", "ASICWire", "BitcoinPrimitives", "ChipSupport", "Units"]),
    tests("ASICChips", ["ASICWire", "ChipSupport", "Units"]),
    tests("ASICWire"),
    tests("Benchmarks", ["BitcoinPrimitives", "MinerCore", "TemplateBuilding"]),
    tests("BitcoinPrimitives"),
    tests("Boards", ["ASICChains", "ASICChips", "BitcoinPrimitives", "Peripherals", "Units"]),
    tests("CPUHashing", ["BitcoinPrimitives", "MinerCore", "Scheduling", "Units"] + nio),
    tests("CSHA256d"),
    tests("Emulator", ["ASICWire", "BitcoinPrimitives", "Units"]),
    tests("HeaderReports", ["BitcoinPrimitives"]),
    tests("EmulatorHost", ["Emulator"]),
    tests("HardwareData", ["ASICChips", "Boards", "CResources", "Peripherals", "Units"]),
    tests(
        "Negotiation",
        [
            "BaseTemplates", "BitcoinPrimitives", "SV1", "SV2Codec", "SV2Messages", "SV2Roles", "Scheduling",
            "TemplateBuilding", "Units",
        ]),
    tests(
        "BlockPublishing",
        [
            "BitcoinPrimitives", "BlockRelay", "BlockRoutes", "LiveSources", "NIOSupport", "NodeConnections",
            "NodeRPC", "NodeSupport", "Payouts", "PeerConnections", "ProviderTemplates", "SV2Codec",
            "SV2Connections", "SV2Messages", "SV2Noise", "SV2Roles", "StateFiles", "TemplateBuilding",
            "TemplateProviders", "Transports", "Units",
        ] + nio),
    tests("PoolLedger", ["BitcoinPrimitives", .product(name: "GRDB", package: "GRDB.swift")]),
    tests(
        "PoolHouse",
        [
            "BaseTemplates", "BitcoinPrimitives", "NIOSupport", "Payouts", "PoolLedger", "PoolServer",
            "RecordedNode", "SV2Codec", "SV2Connections", "SV2Messages", "SV2Noise", "SV2Roles", "Transports",
            .product(name: "GRDB", package: "GRDB.swift"),
        ] + nio),
    tests("Supervision", ["Peripherals", "Units"]),
    tests("HostI2C", ["Peripherals"]),
    tests("MinerRuntime", ["BitcoinPrimitives", "MinerCore", "Units"]),
    tests("NodeCapture", ["BitcoinPrimitives", "CZlib", "RecordedNode"]),
    tests("BlockRelay", ["BitcoinPrimitives", "Units"]),
    tests(
        "NodeConnections",
        [
            "BitcoinPrimitives", "NIOSupport", "NodeRPC", "NodeSupport", "TemplateBuilding", "Units",
        ] + nio),
    tests("NodeRPC", ["BitcoinPrimitives", "TemplateBuilding", "Units"]),
    tests("PolicyFiles", ["BitcoinPrimitives", "Payouts", "TemplatePolicies"]),
    tests("TemplatePolicies", ["BitcoinPrimitives", "TemplateBuilding"]),
    tests("TemplateReports", ["BitcoinPrimitives", "Payouts", "TemplateSources"]),
    tests("TemplateSources", ["BitcoinPrimitives", "CZlib", "NodeCapture", "NodeRPC", "Payouts"]),
    tests("Payouts", ["BitcoinPrimitives"]),
    tests(
        "BaseTemplates",
        ["BitcoinPrimitives", "SV2Codec", "SV2Messages", "SV2Roles", "TemplateBuilding", "Units"]),
    tests("BlockRoutes", ["BitcoinPrimitives", "Units"]),
    tests("StateFiles", ["BitcoinPrimitives", "BlockRoutes", "Payouts"]),
    tests(
        "LiveTemplates", ["BitcoinPrimitives", "NodeRPC", "TemplateBuilding", "TemplatePolicies", "Units"]),
    tests("MempoolREST", ["BitcoinPrimitives", "NodeRPC", "Units"]),
    tests(
        "RESTConnections",
        ["BitcoinPrimitives", "MempoolREST", "NIOSupport", "Units", nioHTTP1] + nioTLS + nio),
    tests(
        "ProviderTemplates",
        [
            "BitcoinPrimitives", "NodeRPC", "SV2Codec", "SV2Messages", "SV2Roles", "TemplateBuilding",
            "TemplatePolicies", "Units",
        ]),
    tests(
        "TemplateProviders",
        [
            "BitcoinPrimitives", "NIOSupport", "ProviderTemplates", "SV2Codec", "SV2Connections",
            "SV2Messages", "SV2Noise", "SV2Roles", "TemplateBuilding", "Transports", "Units",
        ] + nio),
    tests(
        "LiveReports", ["NIOSupport", "NodeSupport", "Payouts", "TemplateReports", "TemplateSources"] + nio),
    tests(
        "LiveSources",
        [
            "BitcoinPrimitives", "NIOSupport", "NodeConnections", "NodeRPC", "NodeSupport", "Payouts",
            "TemplateBuilding", "TemplateSources", "Units",
        ] + nio),
    tests("PeerConnections", ["BitcoinPrimitives", "BlockRelay", "NIOSupport", "Units"] + nio),
    tests("Peripherals", ["Units"]),
    tests(
        "PoolServer",
        [
            "BitcoinPrimitives", "NIOSupport", "SV1Connections", "SV2Codec", "SV2Connections", "SV2Messages",
            "SV2Noise", "SV2Roles", "Transports", "Units",
        ] + nio),
    tests(
        "PoolChecks",
        [
            "BitcoinPrimitives", "NIOSupport", "PoolServer", "SV1", "SV1Connections", "SV2Noise", "SV2Roles",
            "Transports", "Units",
        ] + nio),
    tests("RecordedNode", ["BitcoinPrimitives", "NodeCapture"]),
    tests("SV1", ["BitcoinPrimitives", "Units"]),
    tests("SV1Connections", ["NIOSupport", "SV1", "Transports"] + nio),
    tests("SV2Codec"),
    tests("SV2Connections", ["NIOSupport", "SV2Codec", "SV2Noise", "Transports", "Units"] + nio),
    tests("SV2Messages", ["SV2Codec"]),
    tests("SV2Noise", [crypto]),
    tests("SV2Roles", ["BitcoinPrimitives", "SV2Codec", "SV2Messages", "Units"]),
    tests("Scheduling", ["BitcoinPrimitives", "Units"]),
    tests("TemplateBuilding", ["BitcoinPrimitives", "NodeCapture", "RecordedNode", "Units"]),
    tests("Transports", ["CLinux", "NIOSupport", "Units"] + nio),
    tests("Verification", ["BitcoinPrimitives"]),
    // Driver and emulator on one line: two readings of one protocol.
    .testTarget(
        name: "Duets",
        dependencies: [
            "ASICChains", "ASICChips", "BitcoinPrimitives", "Emulator", "HardwareData", "SimulationKit",
            "TestSupport", "Units",
        ],
        swiftSettings: swift6),
    // The conformance lane: recorded facts, read in place from beside the checkout.
    .testTarget(
        name: "ConformanceTests",
        dependencies: [
            "ASICChips", "ASICWire", "BitcoinPrimitives", "BlockRelay", "Boards", "Emulator", "LiveSources",
            "MempoolREST", "NIOSupport", "NodeCapture", "NodeConnections", "NodeRPC", "NodeSupport",
            "Payouts",
            "Peripherals", "ProviderTemplates", "RecordedNode", "SV1", "TemplateReports", "TemplateSources",
            "SV2Codec", "SV2Messages", "SV2Noise", "SV2Roles", "TemplateBuilding", "TestSupport", "Units",
            crypto,
        ] + nio,
        swiftSettings: swift6),
    // Whole programs: what the parts are together, and whether the documents tell the truth.
    .testTarget(
        name: "Worlds",
        dependencies: [
            "ASICChains", "BitcoinPrimitives", "Boards", "Emulator", "HardwareData", "MinerCore",
            "Negotiation", "SimulationKit", "Supervision", "TestSupport", "Units",
        ],
        swiftSettings: swift6),
]

let package = Package(
    name: "adit",
    products: [.executable(name: "adit", targets: ["adit"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: foreign + vocabulary + cores + edges + testTargets,
    swiftLanguageModes: [.v6]
)
