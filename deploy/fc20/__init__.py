"""Function Compute 2.0: template.yml, through aliyun-fc2."""
