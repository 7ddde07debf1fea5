"""What tests/peers/pdu is made of: devices, their products, the lines they hang on."""
