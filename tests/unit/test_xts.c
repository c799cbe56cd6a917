/*
 * Against the vectors of IEEE 1619, and against a model of it (xts_model.h) for what these do not have: sectors of 4096
 * bytes whose numbers count units of 512.
 */
#include "xts_model.h"

#include "libtazpod/xts.h"

#define SPAN 16384 /* several sectors of each size */

static const unsigned int sector_sizes[] = { 512, 1024, 2048, 4096 };

/* ---- the standard's vectors: Annex B, by their numbers there ---- */

struct vector {
	int number;
	const char *key, *cipher_text;
	uint64_t unit;
	unsigned int size;
	bool counts; /* plain text is 00 01 02 ... ff 00 ...; else all 44 */
};

static const struct vector vectors[] = {
	{ 2, "1111111111111111111111111111111122222222222222222222222222222222",
	  "c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0", 0x3333333333, 32, false },
	{ 4, "2718281828459045235360287471352631415926535897932384626433832795",
	  "27a7479befa1d476489f308cd4cfa6e2a96e4bbe3208ff25287dd3819616e89cc78cf7f5e543445f8333d8fa7f560000"
	  "05279fa5d8b5e4ad40e736ddb4d35412328063fd2aab53e5ea1e0a9f332500a5df9487d07a5c92cc512c8866c7e860ce"
	  "93fdf166a24912b422976146ae20ce846bb7dc9ba94a767aaef20c0d61ad02655ea92dc4c4e41a8952c651d33174be51"
	  "a10c421110e6d81588ede82103a252d8a750e8768defffed9122810aaeb99f9172af82b604dc4b8e51bcb08235a6f434"
	  "1332e4ca60482a4ba1a03b3e65008fc5da76b70bf1690db4eae29c5f1badd03c5ccf2a55d705ddcd86d449511ceb7ec3"
	  "0bf12b1fa35b913f9f747a8afd1b130e94bff94effd01a91735ca1726acd0b197c4e5b03393697e126826fb6bbde8ecc"
	  "1e08298516e2c9ed03ff3c1b7860f6de76d4cecd94c8119855ef5297ca67e9f3e7ff72b1e99785ca0a7e7720c5b36dc6"
	  "d72cac9574c8cbbc2f801e23e56fd344b07f22154beba0f08ce8891e643ed995c94d9a69c9f1b5f499027a78572aeebd"
	  "74d20cc39881c213ee770b1010e4bea718846977ae119f7a023ab58cca0ad752afe656bb3c17256a9f6e9bf19fdd5a38"
	  "fc82bbe872c5539edb609ef4f79c203ebb140f2e583cb2ad15b4aa5b655016a8449277dbd477ef2c8d6c017db738b18d"
	  "eb4a427d1923ce3ff262735779a418f20a282df920147beabe421ee5319d0568", 0, 512, true },
	{ 10, "2718281828459045235360287471352662497757247093699959574966967627"
	  "3141592653589793238462643383279502884197169399375105820974944592",
	  "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b5d31e276f8fe4a8d66b317f9ac683f44"
	  "680a86ac35adfc3345befecb4bb188fd5776926c49a3095eb108fd1098baec70aaa66999a72a82f27d848b21d4a741b0"
	  "c5cd4d5fff9dac89aeba122961d03a757123e9870f8acf1000020887891429ca2a3e7a7d7df7b10355165c8b9a6d0a7d"
	  "e8b062c4500dc4cd120c0f7418dae3d0b5781c34803fa75421c790dfe1de1834f280d7667b327f6c8cd7557e12ac3a0f"
	  "93ec05c52e0493ef31a12d3d9260f79a289d6a379bc70c50841473d1a8cc81ec583e9645e07b8d9670655ba5bbcfecc6"
	  "dc3966380ad8fecb17b6ba02469a020a84e18e8f84252070c13e9f1f289be54fbc481457778f616015e1327a02b140f1"
	  "505eb309326d68378f8374595c849d84f4c333ec4423885143cb47bd71c5edae9be69a2ffeceb1bec9de244fbe15992b"
	  "11b77c040f12bd8f6a975a44a0f90c29a9abc3d4d893927284c58754cce294529f8614dcd2aba991925fedc4ae74ffac"
	  "6e333b93eb4aff0479da9a410e4450e0dd7ae4c6e2910900575da401fc07059f645e8b7e9bfdef33943054ff84011493"
	  "c27b3429eaedb4ed5376441a77ed43851ad77f16f541dfd269d50d6a5f14fb0aab1cbb4c1550be97f7ab4066193c4caa"
	  "773dad38014bd2092fa755c824bb5e54c4f36ffda9fcea70b9c6e693e148c151", 0xff, 512, true },
	{ 14, "2718281828459045235360287471352662497757247093699959574966967627"
	  "3141592653589793238462643383279502884197169399375105820974944592",
	  "64497e5a831e4a932c09be3e5393376daa599548b816031d224bbf50a818ed2350eae7e96087c8a0db51ad290bd00c1a"
	  "c1620857635bf246c176ab463be30b808da548081ac847b158e1264be25bb0910bbc92647108089415d45fab1b3d2604"
	  "e8a8eff1ae4020cfa39936b66827b23f371b92200be90251e6d73c5f86de5fd4a950781933d79a28272b782a2ec313ef"
	  "dfcc0628f43d744c2dc2ff3dcb66999b50c7ca895b0c64791eeaa5f29499fb1c026f84ce5b5c72ba1083cddb5ce45434"
	  "631665c333b60b11593fb253c5179a2c8db813782a004856a1653011e93fb6d876c18366dd8683f53412c0c180f9c848"
	  "592d593f8609ca736317d356e13e2bff3a9f59cd9aeb19cd482593d8c46128bb32423b37a9adfb482b99453fbe25a41b"
	  "f6feb4aa0bef5ed24bf73c762978025482c13115e4015aac992e5613a3b5c2f685b84795cb6e9b2656d8c88157e52c42"
	  "f978d8634c43d06fea928f2822e465aa6576e9bf419384506cc3ce3c54ac1a6f67dc66f3b30191e698380bc999b05abc"
	  "e19dc0c6dcc2dd001ec535ba18deb2df1a101023108318c75dc98611a09dc48a0acdec676fabdf222f07e026f059b672"
	  "b56e5cbc8e1d21bbd867dd927212054681d70ea737134cdfce93b6f82ae22423274e58a0821cc5502e2d0ab4585e94de"
	  "6975be5e0b4efce51cd3e70c25a1fbbbd609d273ad5b0d59631c531f6a0a57b9", 0xffffffffff, 512, true },
};

static size_t from_hex(const char *text, uint8_t *bytes)
{
	size_t size = strlen(text) / 2;

	for (size_t i = 0; i < size; i++) {
		unsigned int byte;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		bytes[i] = (uint8_t)byte;
	}
	return size;
}

static void make_key(struct tz_secret *key, size_t size, unsigned int seed)
{
	assert_int_equal(tz_secret_alloc(key, size), 0);
	for (size_t i = 0; i < size; i++)
		key->data[i] = (uint8_t)(seed + 7 * i + i * i);
}

static void fill(uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 31 + i / 251);
}

static void check_vector(const struct vector *vector)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	_cleanup_xts_ struct tz_xts xts = TZ_XTS_INIT;
	uint8_t plain[512], wanted[512], found[512], bytes[64];
	size_t key_size = from_hex(vector->key, bytes);

	for (unsigned int i = 0; i < vector->size; i++)
		plain[i] = vector->counts ? (uint8_t)i : 0x44;
	assert_int_equal(from_hex(vector->cipher_text, wanted), vector->size);
	assert_int_equal(tz_secret_copy(&key, bytes, key_size), 0);
	assert_int_equal(tz_xts_init(&xts, &key, vector->size, vector->unit), 0);
	assert_int_equal(tz_xts_encrypt(&xts, 0, plain, found, vector->size), 0);
	assert_memory_equal(found, wanted, vector->size);
	assert_int_equal(tz_xts_decrypt(&xts, 0, wanted, found, vector->size), 0);
	assert_memory_equal(found, plain, vector->size);
	model_encrypt_unit(bytes, key_size, vector->unit, plain, found, vector->size);
	assert_memory_equal(found, wanted, vector->size);
}

static void it_does_what_the_standard_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		print_message("           vector %d\n", vectors[i].number);
		check_vector(&vectors[i]);
	}
}

/* The same through the numbers that sectors have: unit 255 is the sector at byte 255 * 512. */
static void a_vector_is_a_sector_at_its_place(void **state)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	_cleanup_xts_ struct tz_xts xts = TZ_XTS_INIT;
	uint8_t plain[512], wanted[512], found[512], bytes[64];

	(void)state;
	for (unsigned int i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)i;
	(void)from_hex(vectors[2].cipher_text, wanted);
	assert_int_equal(tz_secret_copy(&key, bytes, from_hex(vectors[2].key, bytes)), 0);
	assert_int_equal(tz_xts_init(&xts, &key, 512, 0), 0);
	assert_int_equal(tz_xts_encrypt(&xts, 255 * 512, plain, found, sizeof(plain)), 0);
	assert_memory_equal(found, wanted, sizeof(wanted));
}

/* ---- against the model ---- */

static void check_against_model(size_t key_size, unsigned int sector_size, uint64_t iv_offset, uint64_t offset)
{
	static uint8_t plain[SPAN], kept[SPAN], wanted[SPAN], found[SPAN];
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	_cleanup_xts_ struct tz_xts xts = TZ_XTS_INIT;

	make_key(&key, key_size, sector_size);
	fill(plain, SPAN);
	memcpy(kept, plain, SPAN);
	model_encrypt(key.data, key_size, iv_offset, offset, plain, wanted, SPAN, sector_size);
	assert_int_equal(tz_xts_init(&xts, &key, sector_size, iv_offset), 0);
	assert_int_equal(tz_xts_encrypt(&xts, offset, plain, found, SPAN), 0);
	assert_memory_equal(found, wanted, SPAN);
	assert_memory_equal(plain, kept, SPAN);
	memset(found, 0, SPAN);
	assert_int_equal(tz_xts_decrypt(&xts, offset, wanted, found, SPAN), 0);
	assert_memory_equal(found, plain, SPAN);
	/* in place */
	assert_int_equal(tz_xts_encrypt(&xts, offset, found, found, SPAN), 0);
	assert_memory_equal(found, wanted, SPAN);
	assert_int_equal(tz_xts_decrypt(&xts, offset, found, found, SPAN), 0);
	assert_memory_equal(found, plain, SPAN);
}

static void all_sizes_are_as_dm_crypt_has_them(void **state)
{
	static const uint64_t iv_offsets[] = { 0, 8, 0x123456789aULL, UINT64_MAX - 40 };
	static const uint64_t offsets[] = { 0, SPAN, 1ULL << 33, 1ULL << 42 };

	(void)state;
	for (size_t size = 0; size < sizeof(sector_sizes) / sizeof(sector_sizes[0]); size++)
		for (size_t i = 0; i < sizeof(iv_offsets) / sizeof(iv_offsets[0]); i++) {
			check_against_model(64, sector_sizes[size], iv_offsets[i], offsets[i]);
			check_against_model(32, sector_sizes[size], iv_offsets[i], offsets[3 - i]);
		}
}

/* What is done at once, or in pieces of any order, is the same; two directions do not disturb each other. */
static void each_sector_stands_for_itself(void **state)
{
	static uint8_t plain[SPAN], whole[SPAN], pieces[SPAN], back[512];
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	_cleanup_xts_ struct tz_xts xts = TZ_XTS_INIT;

	(void)state;
	make_key(&key, 64, 1);
	memset(plain, 0x5a, SPAN);
	assert_int_equal(tz_xts_init(&xts, &key, 512, 0), 0);
	assert_int_equal(tz_xts_encrypt(&xts, 0, plain, whole, SPAN), 0);
	for (size_t at = SPAN; at > 0; at -= 512) {
		assert_int_equal(tz_xts_encrypt(&xts, at - 512, plain, pieces + at - 512, 512), 0);
		assert_int_equal(tz_xts_decrypt(&xts, at - 512, pieces + at - 512, back, 512), 0);
		assert_memory_equal(back, plain, 512);
	}
	assert_memory_equal(pieces, whole, SPAN);
	/* and the same text at another place is another one */
	for (size_t at = 512; at < SPAN; at += 512)
		assert_memory_not_equal(whole + at, whole, 512);
}

static void another_key_makes_another_text(void **state)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT, other = TZ_SECRET_INIT;
	_cleanup_xts_ struct tz_xts xts = TZ_XTS_INIT, second = TZ_XTS_INIT;
	uint8_t plain[512] = { 0 }, one[512], two[512];

	(void)state;
	make_key(&key, 64, 1);
	make_key(&other, 64, 1);
	other.data[63] ^= 1;
	assert_int_equal(tz_xts_init(&xts, &key, 512, 0), 0);
	assert_int_equal(tz_xts_init(&second, &other, 512, 0), 0);
	/* it needs its key no more */
	tz_secret_free(&other);
	assert_int_equal(tz_xts_encrypt(&xts, 0, plain, one, 512), 0);
	assert_int_equal(tz_xts_encrypt(&second, 0, plain, two, 512), 0);
	assert_memory_not_equal(one, two, 512);
	assert_int_equal(tz_xts_decrypt(&xts, 0, one, one, 512), 0);
	assert_memory_equal(one, plain, 512);
}

/* ---- what is refused ---- */

static void only_whole_sectors_are_taken(void **state)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	_cleanup_xts_ struct tz_xts xts = TZ_XTS_INIT;
	uint8_t in[8192] = { 0 }, out[8192];

	(void)state;
	make_key(&key, 64, 1);
	memset(out, 0xee, sizeof(out));
	assert_int_equal(tz_xts_init(&xts, &key, 4096, 0), 0);
	assert_int_equal(tz_xts_encrypt(&xts, 512, in, out, 4096), -EINVAL);
	assert_int_equal(tz_xts_encrypt(&xts, 0, in, out, 4095), -EINVAL);
	assert_int_equal(tz_xts_encrypt(&xts, 0, in, out, 4096 + 512), -EINVAL);
	assert_int_equal(tz_xts_decrypt(&xts, 1, in, out, 4096), -EINVAL);
	assert_int_equal(tz_xts_decrypt(&xts, 0, in, out, 512), -EINVAL);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0xee);
	assert_int_equal(tz_xts_encrypt(&xts, 4096, in, out, 0), 0);
	assert_int_equal(out[0], 0xee);
}

static void keys_that_are_none_are_refused(void **state)
{
	static const size_t sizes[] = { 0, 16, 31, 33, 48, 63, 65, 128 };
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	struct tz_xts xts = { NULL, NULL, 77, 88 };

	(void)state;
	/* two halves that are the same make the mode useless */
	for (size_t size = 32; size <= 64; size += 32) {
		make_key(&key, size, 1);
		memcpy(key.data, key.data + size / 2, size / 2);
		assert_int_equal(tz_xts_init(&xts, &key, 512, 0), -EINVAL);
		memset(key.data, 0, size);
		assert_int_equal(tz_xts_init(&xts, &key, 512, 0), -EINVAL);
		tz_secret_free(&key);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		/* a secret of no bytes is an empty one */
		if (sizes[i])
			make_key(&key, sizes[i], 1);
		assert_int_equal(tz_xts_init(&xts, &key, 512, 0), -EINVAL);
		tz_secret_free(&key);
	}
	assert_null(xts.encrypt);
	assert_null(xts.decrypt);
	assert_int_equal(xts.sector_size, 77);
	assert_int_equal(xts.iv_offset, 88);
}

static void it_names_what_it_cannot_do(void **state)
{
	static const struct {
		const char *cipher;
		unsigned int key_size, sector_size;
		const char *sentence; /* NULL: it can */
	} cases[] = {
		{ "aes-xts-plain64", 64, 512, NULL },
		{ "aes-xts-plain64", 64, 4096, NULL },
		{ "aes-xts-plain64", 32, 2048, NULL },
		{ "aes-xts-plain64", 32, 1024, NULL },
		{ "serpent-xts-plain64", 64, 512, "serpent-xts-plain64 with 512-bit keys" },
		{ "aes-xts-plain", 64, 512, "aes-xts-plain with" },
		{ "aes-xts-plain64be", 64, 512, "aes-xts-plain64be with" },
		{ "aes-cbc-essiv:sha256", 32, 512, "aes-cbc-essiv:sha256 with 256-bit keys" },
		{ "xchacha12,aes-adiantum-plain64", 32, 512, "adiantum" },
		{ "", 32, 512, "cipher" },
		{ "aes-xts-plain64", 48, 512, "aes-xts-plain64 with 384-bit keys" },
		{ "aes-xts-plain64", 0, 512, "0-bit keys" },
		{ "aes-xts-plain64", 64, 0, "sectors of 0 bytes" },
		{ "aes-xts-plain64", 64, 256, "sectors of 256 bytes" },
		{ "aes-xts-plain64", 64, 1536, "sectors of 1536 bytes" },
		{ "aes-xts-plain64", 64, 8192, "sectors of 8192 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tz_error err = { 0 };
		int r = tz_xts_supports(cases[i].cipher, cases[i].key_size, cases[i].sector_size, &err);

		assert_int_equal(r, cases[i].sentence ? -EOPNOTSUPP : 0);
		assert_contains(err.message, cases[i].sentence ? cases[i].sentence : "");
		if (cases[i].sentence)
			assert_contains(err.message, "the driver 'fuse'");
	}
}

static void an_empty_one_can_be_freed(void **state)
{
	_cleanup_secret_ struct tz_secret key = TZ_SECRET_INIT;
	struct tz_xts xts = TZ_XTS_INIT;

	(void)state;
	tz_xts_free(&xts);
	make_key(&key, 32, 1);
	assert_int_equal(tz_xts_init(&xts, &key, 512, 0), 0);
	tz_xts_free(&xts);
	assert_null(xts.encrypt);
	assert_null(xts.decrypt);
	tz_xts_free(&xts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_does_what_the_standard_says),
		cmocka_unit_test(a_vector_is_a_sector_at_its_place),
		cmocka_unit_test(all_sizes_are_as_dm_crypt_has_them),
		cmocka_unit_test(each_sector_stands_for_itself),
		cmocka_unit_test(another_key_makes_another_text),
		cmocka_unit_test(only_whole_sectors_are_taken),
		cmocka_unit_test(keys_that_are_none_are_refused),
		cmocka_unit_test(it_names_what_it_cannot_do),
		cmocka_unit_test(an_empty_one_can_be_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
