"""The features of governance.md, section 6: each file holds exactly what the feature's Test line says."""
