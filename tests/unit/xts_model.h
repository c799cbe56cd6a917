/*
 * XTS-AES step by step as FIPS 197 and IEEE 1619 have it: slow, and with nothing of OpenSSL in it. It only encrypts;
 * decryption is right when it gives back what was encrypted here.
 */
#ifndef TAZPOD_UNIT_XTS_MODEL_H
#define TAZPOD_UNIT_XTS_MODEL_H

#include "unit.h"

#define MODEL_BLOCK 16
#define MODEL_ROUNDS_MAX 14

struct model_aes {
	uint8_t schedule[(MODEL_ROUNDS_MAX + 1) * MODEL_BLOCK];
	unsigned int rounds;
};

static uint8_t model_sbox[256];

/* In AES's field: x^8 + x^4 + x^3 + x + 1 is nothing. */
static uint8_t model_double(uint8_t a)
{
	return (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0));
}

static uint8_t model_times(uint8_t a, uint8_t b)
{
	uint8_t product = 0;

	for (; b; b >>= 1, a = model_double(a))
		if (b & 1)
			product ^= a;
	return product;
}

static void model_make_sbox(void)
{
	for (unsigned int i = 0; i < 256; i++) {
		uint8_t inverse = 1, mixed = 0x63;

		for (int power = 0; power < 254; power++)
			inverse = model_times(inverse, (uint8_t)i);
		for (int turn = 0; turn < 5; turn++)
			mixed ^= (uint8_t)(inverse << turn | inverse >> (8 - turn));
		model_sbox[i] = mixed;
	}
}

static void model_expand(struct model_aes *aes, const uint8_t *key, size_t size)
{
	uint8_t constant = 1;

	if (!model_sbox[0])
		model_make_sbox();
	aes->rounds = (unsigned int)(size / 4 + 6);
	memcpy(aes->schedule, key, size);
	for (size_t at = size; at < (aes->rounds + 1) * (size_t)MODEL_BLOCK; at += 4) {
		uint8_t *word = aes->schedule + at, last[4];

		memcpy(last, word - 4, 4);
		if (at % size == 0) {
			const uint8_t turned[4] = { last[1], last[2], last[3], last[0] };

			for (int i = 0; i < 4; i++)
				last[i] = model_sbox[turned[i]];
			last[0] ^= constant;
			constant = model_double(constant);
		} else if (size == 32 && at % size == 16) {
			for (int i = 0; i < 4; i++)
				last[i] = model_sbox[last[i]];
		}
		for (size_t i = 0; i < 4; i++)
			word[i] = word[i - size] ^ last[i];
	}
}

static void model_mix(uint8_t column[4])
{
	uint8_t all = column[0] ^ column[1] ^ column[2] ^ column[3], first = column[0];

	for (int i = 0; i < 4; i++)
		column[i] ^= all ^ model_double(column[i] ^ (i < 3 ? column[i + 1] : first));
}

static void model_encrypt_block(const struct model_aes *aes, uint8_t block[MODEL_BLOCK])
{
	uint8_t shifted[MODEL_BLOCK];

	for (unsigned int round = 0; round <= aes->rounds; round++) {
		if (round > 0) {
			for (int i = 0; i < MODEL_BLOCK; i++)
				shifted[i] = model_sbox[block[(i + i % 4 * 4) % MODEL_BLOCK]];
			memcpy(block, shifted, MODEL_BLOCK);
			for (int column = 0; column < 4 && round < aes->rounds; column++)
				model_mix(block + 4 * column);
		}
		for (int i = 0; i < MODEL_BLOCK; i++)
			block[i] ^= aes->schedule[round * MODEL_BLOCK + (unsigned int)i];
	}
}

/* One data unit, of whole blocks. The key is both keys, one behind the other. */
UNIT_UNUSED static void model_encrypt_unit(const uint8_t *key, size_t key_size, uint64_t unit, const uint8_t *in,
					   uint8_t *out, size_t size)
{
	struct model_aes data, tweak;
	uint8_t mask[MODEL_BLOCK] = { 0 };

	model_expand(&data, key, key_size / 2);
	model_expand(&tweak, key + key_size / 2, key_size / 2);
	for (int i = 0; i < 8; i++)
		mask[i] = (uint8_t)(unit >> (8 * i));
	model_encrypt_block(&tweak, mask);
	for (size_t at = 0; at < size; at += MODEL_BLOCK) {
		uint8_t block[MODEL_BLOCK], carry = 0;

		for (int i = 0; i < MODEL_BLOCK; i++)
			block[i] = in[at + (size_t)i] ^ mask[i];
		model_encrypt_block(&data, block);
		for (int i = 0; i < MODEL_BLOCK; i++) {
			uint8_t next = mask[i] >> 7;

			out[at + (size_t)i] = block[i] ^ mask[i];
			mask[i] = (uint8_t)(mask[i] << 1 | carry);
			carry = next;
		}
		mask[0] ^= carry ? 0x87 : 0;
	}
}

/* As dm-crypt does it: sectors of any size, numbered in units of 512 bytes. */
UNIT_UNUSED static void model_encrypt(const uint8_t *key, size_t key_size, uint64_t iv_offset, uint64_t offset,
				      const uint8_t *in, uint8_t *out, size_t size, size_t sector_size)
{
	for (size_t at = 0; at < size; at += sector_size)
		model_encrypt_unit(key, key_size, iv_offset + (offset + at) / 512, in + at, out + at, sector_size);
}

#endif
