/*
 * Other LUKS2 headers than libcryptsetup makes: text of the JSON area is replaced in both copies, and their checksums are
 * made right again. LUKS2 On-Disk Format Specification 1.1.1, section 2; SHA-256 as FIPS 180-4 has it.
 */
#ifndef TAZPOD_UNIT_LUKS_EDIT_H
#define TAZPOD_UNIT_LUKS_EDIT_H

#include "unit.h"

#include <endian.h>

#define EDIT_HEADER 16384 /* of the images that are made here */
#define EDIT_BINARY 4096
#define EDIT_CHECKSUM 448
#define EDIT_CHECKSUM_SIZE 64

/* The first 32 bits of the fractional part of a root, by search: cube roots for the rounds, square roots to begin. */
static uint32_t edit_root(unsigned int prime, int power)
{
	unsigned __int128 wanted = (unsigned __int128)prime << (32 * power);
	uint64_t root = 0;

	for (int bit = 36; bit >= 0; bit--) {
		unsigned __int128 next = root | 1ULL << bit, product = next;

		for (int i = 1; i < power; i++)
			product *= next;
		if (product <= wanted)
			root = (uint64_t)next;
	}
	return (uint32_t)root;
}

static unsigned int edit_next_prime(unsigned int number)
{
	for (;;) {
		unsigned int divisor = 2;

		number++;
		while (divisor * divisor <= number && number % divisor)
			divisor++;
		if (divisor * divisor > number)
			return number;
	}
}

static uint32_t edit_turn(uint32_t word, int bits)
{
	return word >> bits | word << (32 - bits);
}

static void edit_hash_block(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[64], s[8];
	unsigned int prime = 1;

	for (size_t i = 0; i < 16; i++) {
		memcpy(&w[i], block + 4 * i, 4);
		w[i] = be32toh(w[i]);
	}
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + (edit_turn(w[i - 15], 7) ^ edit_turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
		       (edit_turn(w[i - 2], 17) ^ edit_turn(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(s, state, sizeof(s));
	for (int i = 0; i < 64; i++) {
		uint32_t one, two;

		prime = edit_next_prime(prime);
		one = s[7] + (edit_turn(s[4], 6) ^ edit_turn(s[4], 11) ^ edit_turn(s[4], 25)) +
		      ((s[4] & s[5]) ^ (~s[4] & s[6])) + edit_root(prime, 3) + w[i];
		two = (edit_turn(s[0], 2) ^ edit_turn(s[0], 13) ^ edit_turn(s[0], 22)) +
		      ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += one;
		s[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

/* Of whole blocks, as a header is. */
static void edit_hash(const uint8_t *data, size_t size, uint8_t ret[32])
{
	uint8_t last[64] = { 0x80 };
	uint64_t bits = htobe64((uint64_t)size * 8);
	uint32_t state[8];
	unsigned int prime = 1;

	for (int i = 0; i < 8; i++) {
		prime = edit_next_prime(prime);
		state[i] = edit_root(prime, 2);
	}
	for (size_t at = 0; at < size; at += 64)
		edit_hash_block(state, data + at);
	memcpy(last + 56, &bits, sizeof(bits));
	edit_hash_block(state, last);
	for (size_t i = 0; i < 8; i++) {
		uint32_t word = htobe32(state[i]);

		memcpy(ret + 4 * i, &word, 4);
	}
}

static void edit_copy(int fd, off_t at, const char *from, const char *to)
{
	static uint8_t header[EDIT_HEADER];
	char *json = (char *)header + EDIT_BINARY, *place;

	assert_int_equal(pread(fd, header, sizeof(header), at), sizeof(header));
	place = strstr(json, from);
	assert_non_null(place);
	assert_true(strlen(json) + strlen(to) < EDIT_HEADER - EDIT_BINARY);
	memmove(place + strlen(to), place + strlen(from), strlen(place + strlen(from)) + 1);
	memcpy(place, to, strlen(to));
	memset(json + strlen(json), 0, EDIT_HEADER - EDIT_BINARY - strlen(json));
	memset(header + EDIT_CHECKSUM, 0, EDIT_CHECKSUM_SIZE);
	edit_hash(header, sizeof(header), header + EDIT_CHECKSUM);
	assert_int_equal(pwrite(fd, header, sizeof(header), at), sizeof(header));
}

/* Where from first is in the header's JSON there is to after this. */
static void edit_header(int fd, const char *from, const char *to)
{
	edit_copy(fd, 0, from, to);
	edit_copy(fd, EDIT_HEADER, from, to);
}

#endif
