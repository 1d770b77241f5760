"""What templates of every floor can say."""
