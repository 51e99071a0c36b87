"""Packages the function, and deploys template.yml on Function Compute 2.0 through aliyun-fc2."""
