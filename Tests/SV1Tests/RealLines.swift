/// Lines as pools and firmware have sent them, with their source. User names are cut where people's own
/// stood.
enum RealLines {
    /// ESP-Miner, components/stratum/test/test_stratum_json.c, "Parse stratum method".
    static let notify =
        #"{"id":null,"method":"mining.notify","params":["1b4c3d9041","ef4b9a48c7986466de4adc002f7337a6e121bc43000376ea0000000000000000","01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4b03a5020cfabe6d6d379ae882651f6469f2ed6b8b40a4f9a4b41fd838a3ad6de8cba775f4e8f1d3080100000000000000","41903d4c1b2f736c7573682f0000000003ca890d27000000001976a9147c154ed1dc59609e3d26abb2df2ea3d587cd8c4188ac00000000000000002c6a4c2952534b424c4f434b3a4cb4cb2ddfc37c41baf5ef6b6b4899e3253a8f1dfc7e5dd68a5b5b27005014ef0000000000000000266a24aa21a9ed5caa249f1af9fbf71c986fea8e076ca34ae3514fb2f86400561b28c7b15949bf00000000",["ae23055e00f0f697cc3640124812d96d4fe8bdfa03484c1c638ce5a1c0e9aa81","980fb87cb61021dd7afd314fcb0dabd096f3d56a7377f6f320684652e7410a21"],"20000004","1705c739","64495522",false]}"#
    /// The same with one field more before the last, same file.
    static let notifyOfNine = notify.replacing(#""64495522",false"#, with: #""64495522","64495522",true"#)

    /// public-pool, ESP-Miner pull request 498.
    static let publicPoolSubscribed =
        #"{"id":1,"error":null,"result":[[["mining.notify","b7fb32b8"]],"b7fb32b8",4]}"#
    /// AntPool, ESP-Miner pull request 498.
    static let antPoolSubscribed =
        #"{"error":null,"id":2,"result":[[["mining.notify","0000d85d1"],["mining.set_difficulty","0000d85d2"]],"0000d85d",8]}"#
    static let antPoolUnfit = #"{"error":[40,"unfit, ignore"],"id":4,"result":null}"#
    /// AntPool, hathor-core issue 61: a mask wider than what was asked for, and no `error`.
    static let antPoolConfigured =
        #"{"id":4,"result":{"version-rolling":true,"version-rolling.mask":"5fffe000"}}"#
    /// A pool on other software, ESP-Miner pull request 917: no `error`, and `jsonrpc` beside a fraction.
    static let noErrorSubscribed =
        #"{"result":[[["mining.set_difficulty","0HNCHKAL0L30J"],["mining.notify","0HNCHKAL0L30J"]],"1000005f",4],"id":2}"#
    static let fractionalDifficulty =
        #"{"jsonrpc":"2.0","method":"mining.set_difficulty","params":[1024.0],"id":null}"#
    /// NiceHash, ESP-Miner pull requests 1064 and 192.
    static let niceHashSubscribed =
        #"{"id":2,"error":null,"result":[[["mining.set_difficulty","6351117f64"],["mining.notify","6351117f64"]],"6351117f64",3]}"#
    static let niceHashExtranonce =
        #"{"id":null,"method":"mining.set_extranonce","params":["3263b370affeb0d550",3]}"#
    /// Braiins, ESP-Miner issues 80 and 84.
    static let braiinsMask = #"{"id":null,"method":"mining.set_version_mask","params":["1fffe000"]}"#
    static let braiinsSubscribed =
        #"{"id":1,"result":[[["mining.set_difficulty","1"],["mining.notify","1"]],"00",6],"error":null}"#
    static let braiinsOutOfOrder = #"{"id":2,"result":null,"error":[21,"ConfigurationOutOfOrder",null]}"#
    /// OCEAN, ESP-Miner issue 190.
    static let oceanHighHash = #"{"error": [23, "high-hash", null], "id": 6, "result": null}"#
    static let bitaxeSubmit =
        #"{"id": 6, "method": "mining.submit", "params": ["user.bitaxe", "17169890446666395", "7709000000000000", "66572c74", "1199c280", "00006000"]}"#
    /// public-pool, ESP-Miner issue 1358.
    static let notAuthorized =
        #"{"id":3,"result":null,"error":[20,"Authorization validation error",", bc1qnp98"]}"#
    /// ESP-Miner, pull request 917, and its other form for Miningcore, issue 686.
    static let bitaxeConfigure =
        #"{"id": 1, "method": "mining.configure", "params": [["version-rolling"], {"version-rolling.mask": "ffffffff"}]}"#
    static let bitaxeSubscribe =
        #"{"id": 2, "method": "mining.subscribe", "params": ["bitaxe/BM1370/v2.7.0-1-g0e03517-dirty"]}"#
    static let bitaxeSuggest = #"{"id": 4, "method": "mining.suggest_difficulty", "params": [1000]}"#
    static let bareSuggest = #"{"id": 4, "method": "mining.suggest_difficulty", "params": 1000}"#
    /// An Antminer, hathor-core issue 61.
    static let antminerConfigure =
        #"{"id": 4, "method": "mining.configure", "params": [["version-rolling"], {"version-rolling.min-bit-count": 2, "version-rolling.mask": "00c00000"}]}"#
    static let antminerSubscribe =
        #"{"id": 9, "method": "mining.subscribe", "params": ["bmminer/2.0.0.rwglr"]}"#
    /// cpuminer with the session it had, stratum-mining benchmarking-tool issue 19.
    static let cpuminerSubscribe =
        #"{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1","d49cd9cb"]}"#
    /// cpuminer-gc3355 issue 11: a job id with a space, no version bits.
    static let oldSubmit =
        #"{"method": "mining.submit", "params": ["user.grid", "1400196339 10062", "8000000a", "53754cf3", "0be97133"], "id":3982}"#
    /// BIP 310.
    static let bip310Configure =
        #"{"method": "mining.configure", "id": 1, "params": [["minimum-difficulty", "version-rolling"], {"minimum-difficulty.value": 2048, "version-rolling.mask": "1fffe000", "version-rolling.min-bit-count": 2}]}"#
    static let bip310Configured =
        #"{"error": null, "id": 1, "result": {"version-rolling": true, "version-rolling.mask": "18000000", "minimum-difficulty": true}}"#
    static let bip310Mask = #"{"params":["00003000"], "id":null, "method": "mining.set_version_mask"}"#
}
