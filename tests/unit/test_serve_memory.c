#include "vm_flags.h"

#include <sys/mman.h>

#include "tazpod-worker/serve_memory.h"

#define SIZE (5 << 20)

static bool is_zero(const uint8_t *memory, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i])
			return false;
	return true;
}

static void buffers_are_present_and_in_no_core_dump(void **state)
{
	static unsigned char resident[SIZE / 4096];
	uint8_t *memory = tz_serve_memory(SIZE);
	char flags[512];

	(void)state;
	assert_non_null(memory);
	assert_int_equal((uintptr_t)memory % (2 << 20), 0);
	assert_int_equal(mincore(memory, SIZE, resident), 0);
	for (size_t i = 0; i < sizeof(resident); i++)
		assert_int_equal(resident[i] & 1, 1);
	assert_true(is_zero(memory, SIZE));
	read_flags(memory, flags, sizeof(flags));
	if (!flags[0])
		unit_skip("/proc/self/smaps shows no VmFlags");
	assert_contains(flags, " dd ");
}

static void stacks_have_a_page_below_that_nobody_may_touch(void **state)
{
	uint8_t *stack = tz_serve_memory_stack(65536);
	char flags[512];

	(void)state;
	assert_non_null(stack);
	assert_true(is_zero(stack, 65536));
	read_flags(stack, flags, sizeof(flags));
	if (!flags[0])
		unit_skip("/proc/self/smaps shows no VmFlags");
	assert_contains(flags, " wr ");
	assert_contains(flags, " dd ");
	read_flags(stack - 1, flags, sizeof(flags));
	assert_non_null(strstr(flags, "VmFlags:"));
	assert_null(strstr(flags, " rd "));
	assert_null(strstr(flags, " wr "));
}

static void what_there_is_no_room_for_is_null(void **state)
{
	(void)state;
	assert_null(tz_serve_memory((size_t)1 << 60));
	assert_null(tz_serve_memory_stack((size_t)1 << 60));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffers_are_present_and_in_no_core_dump),
		cmocka_unit_test(stacks_have_a_page_below_that_nobody_may_touch),
		cmocka_unit_test(what_there_is_no_room_for_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
