"""Function Compute 3.0: s.yaml, through alibabacloud_fc20230330."""
