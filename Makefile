# `make demo` shows what Watertight does, `make test` runs every check.
# Both install what is missing and need nothing but a Rust toolchain and a C linker.

SHELL := bash
export PATH := $(PATH):$(HOME)/.cargo/bin

# A build machine clones afresh each time: keep what is compiled outside the checkout.
ifeq ($(CI),true)
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/watertight/target
endif

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
TOOLS := $(TARGET)/tools
ESTATE := examples/estates/shop
POLICY := examples/policies/shop
OUT := out

.PHONY: help demo test tools fmt clean cargo

help:
	@echo 'make demo    build, assess $(ESTATE), write $(OUT)/assessment.html, simulate, compile and apply $(POLICY)'
	@echo 'make test    install what the checks need, run every check'
	@echo 'make fmt     format the code'
	@echo 'make clean   remove what was built'

cargo:
	@command -v cargo > /dev/null || { \
	  echo 'cargo is not installed: get a Rust toolchain from https://rustup.rs and run make again' >&2; \
	  exit 1; }
	@command -v cc > /dev/null || { \
	  echo 'no C linker (cc): on Debian or Ubuntu, apt-get install build-essential, and run make again' >&2; \
	  exit 1; }

demo: cargo
	cargo build --locked --release --package watertight
	@# Exit code 2 says that there are findings, which is what the shop is for.
	$(TARGET)/release/watertight assess $(ESTATE) --out $(OUT)/ || [ $$? = 2 ]
	@test -s $(OUT)/assessment.html
	@echo
	@echo 'And if the policy of the shop were enforced, with what is in monitor:'
	$(TARGET)/release/watertight simulate $(POLICY) --estate $(ESTATE) --under pending --at 2026-12-01T00:00:00Z
	@echo
	@echo 'And as security groups, proved against the policy; what they cannot do is named:'
	$(TARGET)/release/watertight plan $(POLICY) --estate $(ESTATE) --under promote-all --widen \
	  --at 2026-12-01T00:00:00Z --out $(OUT)/change.plan > $(OUT)/change.txt || [ $$? = 2 ]
	@head -n 3 $(OUT)/change.txt
	@echo '  the whole plan: $(TARGET)/release/watertight show $(OUT)/change.plan'
	@echo
	@echo 'And put in place, and taken back, on a mock server that holds what it can of the shop:'
	@.ci/demo-apply $(TARGET)/release/watertight $(TOOLS) $(OUT)
	@echo
	@echo 'The page: file://$(abspath $(OUT))/assessment.html'

tools: cargo
	@.ci/tools $(TOOLS)

test: tools
	WATERTIGHT_TOOLS=$(TOOLS) cargo run --locked --package xtask -- ci

fmt: cargo
	cargo fmt --all

clean: cargo
	cargo clean
	rm -rf $(OUT)
